"""Whole jobs made of the rooms before: each can be interrupted, continued, and is never written over.

``common`` is what jobs share; ``scoring`` builds on it; ``benchmark``, ``variants``, ``discovery`` and ``experiments`` build
on both and know nothing of each other.
"""
