"""What an operation is: its mathematics, its exact differences, and how it is run on other tensors.

Imports from ``engine.program`` only; nothing here knows of a model, a reference or a rule.
"""
