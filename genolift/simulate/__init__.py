"""Labelled data sets whose truth is known: their motifs and configurations, and how they are drawn, read and written.

This room imports only from ``genolift.sequence`` and ``genolift.support``.
"""

from genolift.simulate.dataset import Dataset, Embedding
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.motifs import Motif, read_motifs
from genolift.simulate.reading import load_dataset
from genolift.simulate.spec import Spec, load_spec

__all__ = ["Dataset", "Embedding", "Motif", "Spec", "load_dataset", "load_spec", "read_motifs", "simulate"]
