"""Methods that look at hidden layers: activations, class activation maps, attention.

Imports from ``methods.common`` and ``methods.gradients``.
"""
