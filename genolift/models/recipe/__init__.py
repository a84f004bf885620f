"""How networks are trained: hyperparameters, and the weights that are kept meanwhile."""
