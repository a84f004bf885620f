"""DeepLIFT and DeepSHAP: multipliers by differences from references.

Imports from ``methods.common``.
"""
