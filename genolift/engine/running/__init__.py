"""Running a program forward: on tensors, on a few random rows to learn its layout, and two blocks at a time.

Imports from ``engine.operations``.
"""
