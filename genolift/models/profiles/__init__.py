"""Networks that predict profiles: their two heads, the loss that trains them, and how well they predict.

This room imports only from ``genolift.models`` and ``genolift.support``.
"""
