"""Where the motifs of simulated data really are, and how well an explanation recovers them.

Imports from ``simulate`` and ``sequence``.
"""
