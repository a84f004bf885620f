"""Explaining the sequences of a file into a store, in one process or on many.

Imports from ``pipeline.common``.
"""
