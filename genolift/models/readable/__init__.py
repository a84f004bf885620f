"""Networks that can be read: layers whose sums are the prediction, the networks made of them, and their own readings.

This room imports only from ``genolift.models``, ``genolift.simulate``, ``genolift.sequence`` and ``genolift.support``.
"""
