"""Configurations of simulated benchmarks, one commented TOML file each."""
