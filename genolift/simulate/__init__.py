"""Labelled data sets whose truth is known: motifs, configurations, generation, reading and writing."""

from genolift.simulate.dataset import Dataset, Embedding
from genolift.simulate.generate import simulate
from genolift.simulate.motifs import Motif, read_motifs
from genolift.simulate.reading import load_dataset
from genolift.simulate.spec import Spec, load_spec

__all__ = ["Dataset", "Embedding", "Motif", "Spec", "load_dataset", "load_spec", "read_motifs", "simulate"]
