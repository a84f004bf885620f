"""What several methods share: inputs, the traced model, blocks within a memory budget, proofs, and options as text.

Imports from ``methods.targets`` and ``methods.references``, and from no family of methods.
"""
