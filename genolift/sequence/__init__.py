"""DNA in, arrays out: the alphabet, FASTA files and regions, shuffles that keep k-lets. Knows no model."""

from genolift.sequence.alphabet import one_hot, reverse_complement
from genolift.sequence.fasta import Fasta, read_fasta, write_fasta
from genolift.sequence.regions import Regions

__all__ = ["Fasta", "Regions", "one_hot", "read_fasta", "reverse_complement", "write_fasta"]
