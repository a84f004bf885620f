"""Whole jobs made of the other rooms: the simulated benchmark, scoring a FASTA file, drawing a data set, training.

A job takes plain values, checks all of them before it writes, continues what was interrupted, and says what it did
through the logger ``genolift``.
"""
