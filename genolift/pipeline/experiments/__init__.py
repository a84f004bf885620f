"""Motif experiments of the command line.

Imports from ``pipeline.common``.
"""
