"""How a model becomes a program: recording what it runs, and rewriting that in a spelling the rules understand.

Imports from ``engine.running`` and ``engine.operations``.
"""
