"""How well scores say what a model does, without knowing where the motifs are.

``subject`` holds what is judged, and ``metric`` says what a metric is. The other modules are a metric each.
This room imports from ``evaluate.experiments``, ``sequence`` and ``support``. A model is a function of sequences here.
"""
