"""The page of a comparison of methods, and its pictures."""
