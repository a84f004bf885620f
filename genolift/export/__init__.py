"""Files that others read: ``export(scores, to="bigwig", out=...)``; a module per format, listed in ``registry``.

The package itself can be called, so that ``genolift.export(...)`` works although the package bears the same name.
"""

import sys
from types import ModuleType

from genolift.export.registry import FORMATS, export

__all__ = ["FORMATS", "export"]


class _Exporting(ModuleType):
    def __call__(self, *arguments, **options):
        return export(*arguments, **options)


sys.modules[__name__].__class__ = _Exporting
