"""Methods that change the sequence and look what the prediction does: mutagenesis, occlusion, masks.

Imports from ``methods.common``.
"""
