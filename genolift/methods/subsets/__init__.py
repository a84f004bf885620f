"""Searches for what is enough for a prediction: sufficient subsets, and samples that look alike to the network.

Imports from ``methods.common`` and ``methods.perturbation``.
"""
