"""Experiments with motifs: inserting, removing and spacing them, with confidence intervals.

This room imports from ``methods`` and ``sequence``.
"""
