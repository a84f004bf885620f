"""What a change at a few positions reaches in every layer: fast mutagenesis, and receptive fields."""
