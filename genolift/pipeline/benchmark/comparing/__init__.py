"""Methods compared over many simulations and networks: the suite."""
