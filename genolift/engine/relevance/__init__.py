"""Relevance (LRP and its kin) and patterns: rules that share out an output, walked back over the same program."""
