"""Models: architectures by name, training with metrics and a record, and loading from all formats of Keras.

This room imports only from ``genolift.sequence`` and ``genolift.support``.
"""

from genolift.models.loading import load_model
from genolift.models.signature import describe
from genolift.models.training import train
from genolift.models.zoo import ARCHITECTURES, build

__all__ = ["ARCHITECTURES", "build", "describe", "load_model", "train"]
