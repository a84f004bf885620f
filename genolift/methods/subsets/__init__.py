"""Searches for what is enough for the prediction: sufficient subsets, and samples the network sees alike.

Imports from ``methods.common`` and ``methods.perturbation``.
"""
