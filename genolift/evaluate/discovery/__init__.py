"""Motifs from explanations: seqlets, hits, filters and sufficient subsets, and the known motifs they look like.

Imports from ``methods``, ``simulate`` and ``sequence``.
"""
