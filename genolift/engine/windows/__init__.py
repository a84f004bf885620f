"""What a change at one position reaches: running only that part again, and receptive fields.

Imports from ``engine.walk`` and the rooms before it, never from ``engine.relevance``.
"""
