"""Judging explanations against the truth that simulated data carries."""
