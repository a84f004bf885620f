"""Activation maximisation as a job: files in, a directory of sequences, tables and pictures out.

Imports from ``pipeline.common`` and ``pipeline.keeping`` and from the rooms below.
"""
