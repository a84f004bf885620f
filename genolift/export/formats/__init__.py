"""The formats that genolift writes, a module each, as :class:`genolift.export.registry.Format` describes them.

Imports from the rest of ``export``, other than the registry.
"""
