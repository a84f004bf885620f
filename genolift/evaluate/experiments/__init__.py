"""Experiments with motifs: inserting, removing and spacing them, with confidence intervals.

Imports from ``methods`` and ``sequence``.
"""
