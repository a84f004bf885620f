"""Judging explanations, finding motifs in them, and experimenting with motifs.

The three rooms ``truth``, ``discovery`` and ``experiments`` do not import from each other. They import from ``methods``
and the rooms below it.
"""
