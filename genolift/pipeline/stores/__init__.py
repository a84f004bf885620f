"""Stores as wholes: what one is, and several made into one or a part of one.

Imports from ``pipeline.common`` and ``pipeline.keeping``, and from the rooms below for what is in a store.
"""
