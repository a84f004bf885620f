"""The formats that genolift writes. Each is a module, as :class:`genolift.export.registry.Format` describes.

They import from the rest of ``export``, except the registry.
"""
