"""Shapley values of a maximum by enumeration, for windows of a few elements."""

from itertools import permutations

import numpy as np


def enumerated(x, r):
    """The average over all orders of what the maximum changes by as each element changes from r to x."""
    total, orders = np.zeros(len(x)), list(permutations(range(len(x))))
    for order in orders:
        now = r.copy()
        for i in order:
            before = now.max()
            now[i] = x[i]
            total[i] += now.max() - before
    return total / len(orders)
