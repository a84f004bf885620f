"""The simulated benchmark from configuration to figures, and its steps one by one.

Imports from ``pipeline.common``.
"""
