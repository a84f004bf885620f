"""Where the motifs of simulated data really are, and how well an explanation recovers them.

This room imports from ``simulate`` and ``sequence``.
"""
