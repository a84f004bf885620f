"""What a change at one position of a sequence reaches, for mutagenesis and for receptive fields.

Mutagenesis runs only that part of the network again. This room imports from ``engine.walk`` and the rooms below it,
never from ``engine.relevance``.
"""
