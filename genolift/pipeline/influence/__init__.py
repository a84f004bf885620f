"""Influence as a job: a model, training sequences with labels and queries in; a table and pictures out.

May import the parts of jobs, methods, measures and pictures.
"""
