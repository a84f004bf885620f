"""Labels that are profiles: how a configuration says where reads lie, and what is expected of them.

This room imports only from ``genolift.simulate`` and ``genolift.support``.
"""
