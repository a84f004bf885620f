"""Influence: which training sequences taught a prediction, by several methods, and how far each can be believed.

May import methods and what is below them.
"""
