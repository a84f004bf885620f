"""Relevance (LRP and patterns), whose rules share out what a neuron received among its inputs.

This room imports from ``engine.walk`` and the rooms below it, never from ``engine.windows``.
"""
