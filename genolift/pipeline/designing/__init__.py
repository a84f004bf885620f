"""Designs of the sequences of a file: a store of them, tables of their edits, and the designed sequences."""
