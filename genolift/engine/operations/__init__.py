"""What the engine knows of each operation: its mathematics, its exact differences, and how it is run on other tensors.

This room imports from ``engine.program`` only. Nothing here depends on a model, a reference or a rule.
"""
