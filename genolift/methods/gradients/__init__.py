"""Gradients and the methods that are made of them: times input, integrated, expected, smoothed and guided.

Imports from ``methods.common``.
"""
