"""Methods that change the sequence and see what the prediction becomes: mutagenesis, occlusion, masks.

Imports from ``methods.common``.
"""
