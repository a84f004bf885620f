"""Figure 4 of the DeepLIFT paper: which method finds the pixels that make one digit of another.

Imports from ``pipeline.benchmark``, whose stages and methods it shares.
"""
