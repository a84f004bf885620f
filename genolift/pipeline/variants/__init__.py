"""Alternative against reference alleles of a VCF file, as a table.

Imports from ``pipeline.scoring`` and ``pipeline.common``.
"""

from genolift.pipeline.variants.table import COLUMNS

__all__ = ["COLUMNS"]
