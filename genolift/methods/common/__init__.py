"""What several methods share: inputs, the traced model, blocks under a memory budget, proofs, options as text.

Imports from ``methods.targets`` and ``methods.references``, and from no family of methods.
"""
