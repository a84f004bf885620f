"""The walk from the explained output back to the inputs, step by step and by a rule for each step.

The sequences and their references run forward first, and the results are averaged over the references. This room
imports from ``engine.tracing`` and the rooms below it.
"""
