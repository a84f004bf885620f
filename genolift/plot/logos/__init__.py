"""Several logos one above the other: sequences, methods and targets; hypothetical views; both alleles of a variant."""
