"""Selections, which let one of several elements pass: which elements these are, and how each contributes.

This room imports from ``engine.operations`` and ``engine.program``. It knows tensors, and no pairs or rules.
"""
