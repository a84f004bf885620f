"""A model as the operations it really runs, the mathematics of each, and rules that carry importance back."""
