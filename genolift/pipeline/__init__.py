"""Whole jobs made of the rooms below. Each can be interrupted and continued, and its result is never written over.

``keeping`` is how results are kept, and ``common`` is what else jobs share. ``scoring`` builds on them. ``benchmark``,
``variants``, ``discovery`` and ``experiments`` build on all three and know nothing of each other. ``digits`` takes
stages and methods of ``benchmark``.
"""
