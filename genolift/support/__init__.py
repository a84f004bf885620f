"""Tools that every room may use: errors, files, memory budgets, progress, random seeds, and the import of TensorFlow.

This room imports nothing else of the package.
"""
