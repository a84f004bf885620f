"""How a program runs forward: on tensors, on a few random rows to learn its layout, and on two blocks at a time.

This room imports from ``engine.operations``.
"""
