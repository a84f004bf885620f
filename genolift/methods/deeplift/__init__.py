"""DeepLIFT and DeepSHAP: multipliers from differences to references.

Imports from ``methods.common``.
"""
