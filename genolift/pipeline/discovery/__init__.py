"""Seqlets, pattern hits and filters, found in stores and models.

Imports from ``pipeline.common``.
"""
