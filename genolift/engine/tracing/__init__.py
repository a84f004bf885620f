"""How a model becomes a program: what it runs is recorded, and then rewritten with operations that have rules.

This room imports from ``engine.running`` and ``engine.operations``.
"""
