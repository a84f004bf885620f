"""What jobs share: a model file, what is read, a recipe and an execution, and what becomes of bad records.

Imports from ``pipeline.keeping`` and the rooms below ``pipeline``, and from no job.
"""
