"""How a data set is drawn from its configuration: where instances lie, their bases, their labels and their importance.

This room imports only from ``genolift.simulate``, ``genolift.sequence`` and ``genolift.support``.
"""
