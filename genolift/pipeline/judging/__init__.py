"""Judging stores without truth: ``genolift judge``.

``stores`` opens and compares them, ``subjects`` makes models and methods again, and ``judge`` is the job.
Imports from ``pipeline.common`` and ``pipeline.keeping``.
"""
