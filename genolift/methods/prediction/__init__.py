"""Predictions without an explanation, for jobs that compare sequences.

Imports from ``methods.common`` and ``methods.perturbation``.
"""
