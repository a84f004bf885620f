"""A model as the operations it really runs, the mathematics of each, and rules that carry importance back.

Rooms, from the bottom up: ``operations``, ``running``, ``tracing``, ``walk``, then ``relevance`` and ``windows``, and
``hidden`` on top. A room imports from rooms before it; ``program``, ``layers`` and ``target`` are for all of them.
Outside the engine it imports from ``support`` and ``models`` only.
"""
