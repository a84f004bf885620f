"""Whether scores behave as explanations must: under shifts, on the other strand, and when a model knows nothing.

These metrics explain further sequences, or other models. ``catalog`` lists all metrics without truth, and ``summary``
makes intervals and differences of their values. This room imports from ``evaluate.faithfulness``.
"""
