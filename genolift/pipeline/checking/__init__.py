"""What a user asks first: what a model is, what can be explained of it, by which methods, and what that costs.

``check`` puts the findings together, each of which has a module: the model itself (``anatomy``), its inputs
(``inputs``), outputs with their targets (``outputs``), receptive fields (``sight``), methods (``kinds``), a proof and
its cost (``trial``), and what to do next (``advice``). ``job`` is the same for files.
"""
