"""The walk in stages: where one pair's activations do not fit into memory, only those of one stage are held at a time.

``stages`` cuts a program into stages, and ``explain`` runs them.
"""
