"""Pictures of designs. Imports from ``plot`` and ``results``."""
