"""Motifs from explanations: seqlets, hits, filters and sufficient subsets, and the known motifs that they resemble.

This room imports from ``methods``, ``simulate`` and ``sequence``.
"""
