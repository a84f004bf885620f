"""Layer-wise relevance and patterns fitted on data.

Imports from ``methods.common`` and ``methods.gradients``.
"""
