"""DNA as text and as arrays: the alphabet, FASTA, BED and VCF files, and shuffles that keep the counts of k-lets.

Nothing here knows of models. This room imports only from ``genolift.support``.
"""

from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.sequence.fasta import read_fasta, write_fasta
from genolift.sequence.genome import Fasta
from genolift.sequence.regions import Regions

__all__ = ["Fasta", "Regions", "one_hot", "read_fasta", "reverse_complement", "write_fasta"]
