"""Designs: the fewest edits of a sequence that bring a prediction to a goal, and the explanation that they are.

Each search is a module of its own, and :mod:`genolift.methods.editing.searches` lists them by name.
"""
