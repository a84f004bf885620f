"""Gradients and what is made of them: times input, integrated, expected, smoothed, guided.

Imports from ``methods.common``.
"""
