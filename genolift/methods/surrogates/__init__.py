"""Simpler models of the prediction, and Shapley values of positions.

Imports from ``methods.common`` and ``methods.perturbation``.
"""
