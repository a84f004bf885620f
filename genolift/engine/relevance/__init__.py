"""Relevance (LRP and patterns): rules that share out what a neuron received among its inputs.

Imports from ``engine.walk`` and the rooms before it, never from ``engine.windows``.
"""
