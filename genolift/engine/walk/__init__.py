"""The walk from the output back to the inputs: two sides forward, a rule for each step, means over references.

Imports from ``engine.tracing`` and the rooms before it.
"""
