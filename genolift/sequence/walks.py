"""Random Eulerian paths on many small graphs at once: the machinery of :mod:`genolift.sequence.shuffle`.

A lane is one draw on one graph. Random numbers come from a counter: number t of a lane is a hash of the lane's key
and t, so no lane's draw depends on which other lanes are drawn beside it.
"""

from __future__ import annotations

import numpy as np

from genolift.support.errors import InputError

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))
# These make the two streams of random numbers of a lane different.
_TREE = np.uint64(0x5851F42D4C957F2D)
_WALK = np.uint64(0x14057B7EF767814F)
_CACHED = 1 << 15  # how many random numbers are made and sorted at a time, so that they stay in the cache
# An edge is one integer: 22 bits for its vertex, 40 random bits, and 2 bits for its base.
_RANDOM_BITS = 40
_LARGEST = np.uint64(((1 << _RANDOM_BITS) - 1) << 2)
MAX_VERTICES = 1 << 22


def _hash(x: np.ndarray) -> np.ndarray:
    """Return the finaliser of splitmix64 (Steele et al. 2014) of uint64 numbers."""
    for bits, factor in _MIX:
        x = (x ^ (x >> np.uint64(bits))) * factor
    return x ^ (x >> np.uint64(31))


def _uniform(keys: np.ndarray, counters: np.ndarray) -> np.ndarray:
    """Return numbers in [0, 1): number ``counters`` of each of the streams ``keys`` (uint64, broadcast together)."""
    return (_hash(keys + (counters + np.uint64(1)) * _GOLDEN) >> np.uint64(11)) * 2.0**-53


class Graphs:
    """The k-let graphs of S sequences, with V vertices that are numbered through all graphs.

    Parameters
    ----------
    sequences
        The codes of each sequence, (L,) of 0 to 3, each longer than ``k``.
    k
        The length of the words whose counts are kept.

    Attributes
    ----------
    steps : np.ndarray
        (S,), the number of edges of each graph.
    counts : np.ndarray
        (V, 4), how often each base follows a vertex.
    successor : np.ndarray
        (V, 4), the vertex that each base leads to.
    first, last : np.ndarray
        (S,), the vertices at the two ends of each walk.
    offset : np.ndarray
        (S + 1,), the first vertex of each graph, and V.
    edges : np.ndarray
        (sum of ``steps``,) uint64, the vertex of each edge within its graph, 40 zero bits and its base in one integer.
    sample : np.ndarray
        (V, 4), the place of one edge of each vertex and base in its graph's list of edges.

    Raises
    ------
    InputError
        If a sequence has more than ``MAX_VERTICES`` different (k-1)-mers.
    """

    def __init__(self, sequences: list[np.ndarray], k: int):
        self.steps = np.array([len(sequence) - k + 1 for sequence in sequences])
        words = [_words(sequence, k - 1) for sequence in sequences]
        owner = np.repeat(np.arange(len(sequences)), self.steps + 1)
        vertices, visited = np.unique(owner * 4 ** (k - 1) + np.concatenate(words), return_inverse=True)
        ends = np.cumsum(self.steps + 1)
        self.first, self.last = visited[ends - self.steps - 1], visited[ends - 1]
        self.offset = np.searchsorted(vertices, np.arange(len(sequences) + 1) * 4 ** (k - 1))
        source = np.delete(visited, ends - 1)
        target = np.delete(visited, ends - self.steps - 1)
        base = np.concatenate([sequence[k - 1 :] for sequence in sequences])
        edge = source * 4 + base
        self.counts = np.bincount(edge, minlength=4 * len(vertices)).reshape(-1, 4)
        successor = np.zeros(4 * len(vertices), dtype=np.int64)
        successor[edge] = target
        self.successor = successor.reshape(-1, 4)
        local = source - np.repeat(self.offset[:-1], self.steps)
        if local.max() >= MAX_VERTICES:
            raise InputError(
                f"a sequence with more than {MAX_VERTICES:,} different {k - 1}-mers is too much to shuffle"
            )
        self.edges = (local.astype(np.uint64) << np.uint64(2 + _RANDOM_BITS)) | base.astype(np.uint64)
        starts = np.cumsum(self.steps) - self.steps
        sample = np.zeros(4 * len(vertices), dtype=np.int64)
        sample[edge] = np.arange(len(edge)) - np.repeat(starts, self.steps)
        self.sample = sample.reshape(-1, 4)


def _words(codes: np.ndarray, width: int) -> np.ndarray:
    """Return every window of ``width`` codes as one number, (L - width + 1,)."""
    words = np.zeros(len(codes) - width + 1, dtype=np.int64)
    for shift in range(width):
        words = words * 4 + codes[shift : shift + len(words)]
    return words


def draw(graphs: Graphs, keys: np.ndarray, out: list[np.ndarray]) -> np.ndarray:
    """Draw uniform Eulerian paths of graphs.

    Parameters
    ----------
    graphs
        S graphs, the longest first.
    keys
        (S,) uint64, the seed of each graph.
    out
        An array (n, L) uint8 per graph. The codes of n paths overwrite its rows.

    Returns
    -------
    np.ndarray
        (S,) bool, whether the graph has only one path.
    """
    n = len(out[0])
    # Lanes are ordered by graph (lane = graph * n + draw), so the first lanes are the longest.
    graph = np.repeat(np.arange(len(keys)), n)
    keys = _hash(_hash(keys)[graph] + np.tile(np.arange(n, dtype=np.uint64), len(keys)) * _GOLDEN)
    # Every lane has its own copy of its graph's vertices, `shift` away from the shared numbering.
    sizes = np.diff(graphs.offset)
    begin = np.cumsum(np.repeat(sizes, n)) - sizes[graph]
    shift = begin - graphs.offset[graph]
    shared = np.arange(sizes[graph].sum()) - np.repeat(shift, sizes[graph])
    reserved = _arborescences(graphs, graph, begin, shared, keys ^ _TREE)
    codes = _walk(graphs, graph, shift, shared, reserved, keys ^ _WALK)
    for index, (rows, steps) in enumerate(zip(out, graphs.steps.tolist(), strict=True)):
        rows[:, rows.shape[1] - steps :] = codes[:steps, index * n : (index + 1) * n].T
    return _unique(graphs, reserved, shift[::n])


def _choose(counts: np.ndarray, total: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return a base per row, drawn in proportion to ``counts`` (rows, 4), whose sums are ``total`` (rows,)."""
    rank = (uniform * total).astype(counts.dtype)
    bound = counts[:, 0].copy()
    base = (rank >= bound).astype(np.int64)
    for column in (1, 2):
        bound += counts[:, column]
        base += rank >= bound
    return base


def _arborescences(
    graphs: Graphs, graph: np.ndarray, begin: np.ndarray, shared: np.ndarray, keys: np.ndarray
) -> np.ndarray:
    """Return, for each vertex of every lane, the base of its edge in a random arborescence; -1 for the root.

    This is Wilson's algorithm (1996): from each vertex in turn a loop-erased random walk runs until it meets the tree.
    The last exit that the walk takes from a vertex is the one that survives the erasure of loops, so it is enough to
    remember that exit, and nothing has to be erased.
    """
    counts = graphs.counts.copy()
    own = np.arange(len(counts))[:, None]
    counts[graphs.successor == own] = 0  # An edge back to the same vertex is never in a tree.
    totals = counts.sum(axis=1)
    lane_shift = begin - graphs.offset[graph]
    exits = np.full(len(shared), -1, dtype=np.int64)
    in_tree = np.zeros(len(shared), dtype=bool)
    in_tree[graphs.last[graph] + lane_shift] = True
    clock = np.zeros(len(graph), dtype=np.uint64)
    sizes = np.diff(graphs.offset)[graph]
    for start in range(int(sizes.max())):
        origin = np.minimum(begin + start, len(shared) - 1)
        lane = np.flatnonzero((start < sizes) & ~in_tree[origin])
        began, at = lane, origin[lane]
        while lane.size:
            vertex = shared[at]
            base = _choose(counts[vertex], totals[vertex], _uniform(keys[lane], clock[lane]))
            clock[lane] += np.uint64(1)
            exits[at] = base
            at = graphs.successor[vertex, base] + lane_shift[lane]
            walking = ~in_tree[at]
            lane, at = lane[walking], at[walking]
        lane, at = began, origin[began]
        while lane.size:  # The path without its loops joins the tree.
            in_tree[at] = True
            at = graphs.successor[shared[at], exits[at]] + lane_shift[lane]
            joining = ~in_tree[at]
            lane, at = lane[joining], at[joining]
    return exits


def _exits(graphs: Graphs, graph: np.ndarray, shift: np.ndarray, reserved: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the bases of every lane's exits in the order of their use, flat uint8: by lane, then by vertex.

    An edge is one integer of vertex, random number and base, so sorting the edges of a lane shuffles them within each
    vertex. The reserved edges get the largest random number and so come last.
    """
    steps = graphs.steps[graph]
    pool = np.empty(steps.sum(), dtype=np.uint8)
    graph_start = np.cumsum(graphs.steps) - graphs.steps
    filled = lane = 0
    while lane < len(graph):
        width = int(steps[lane])
        stop = lane + max(1, _CACHED // width)
        stop = min(stop, int(np.searchsorted(-steps, -width, side="right")))  # lanes of one length only
        lanes = np.arange(lane, stop)
        order = _hash(keys[lanes, None] + np.arange(1, width + 1, dtype=np.uint64) * _GOLDEN)
        order >>= np.uint64(64 - _RANDOM_BITS)
        order <<= np.uint64(2)
        order |= graphs.edges[graph_start[graph[lanes]][:, None] + np.arange(width)]
        sizes = np.diff(graphs.offset)[graph[lanes]]
        row = np.repeat(np.arange(len(lanes)), sizes)
        first = int(graphs.offset[graph[lane]] + shift[lane])
        base = reserved[first : first + len(row)]  # the vertices of neighbouring lanes are neighbours
        kept = np.flatnonzero(base >= 0)
        vertex = first + kept - shift[lanes][row[kept]]
        order[row[kept], graphs.sample[vertex, base[kept]]] |= _LARGEST
        order.sort(axis=1)
        pool[filled : filled + order.size] = (order & np.uint64(3)).ravel()
        filled += order.size
        lane = stop
    return pool


def _walk(
    graphs: Graphs,
    graph: np.ndarray,
    shift: np.ndarray,
    shared: np.ndarray,
    reserved: np.ndarray,
    keys: np.ndarray,
) -> np.ndarray:
    """Return the bases of every lane's path after its first vertex, (longest, lanes) uint8.

    Rows beyond the length of a lane hold no values of it.
    """
    pool = _exits(graphs, graph, shift, reserved, keys)
    degree = graphs.counts.sum(axis=1)[shared]
    cursor = np.cumsum(degree) - degree  # the place of each vertex's next exit in the pool
    successor = graphs.successor.ravel()
    steps = graphs.steps[graph]
    active = np.searchsorted(-steps, -np.arange(int(steps[0])), side="left")  # lanes with more than t steps
    out = np.empty((int(steps[0]), len(graph)), dtype=np.uint8)
    vertex = graphs.first[graph]
    for row, lanes in zip(out, active.tolist(), strict=True):
        vertex = vertex[:lanes]
        at = vertex + shift[:lanes]
        entry = cursor.take(at)
        base = pool.take(entry, out=row[:lanes], mode="clip")
        entry += 1
        cursor[at] = entry
        vertex *= 4
        vertex += base
        vertex = successor.take(vertex)
    return out


def _unique(graphs: Graphs, reserved: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return whether each graph has a single Eulerian path (as a text), (S,) bool, from one arborescence of it.

    A graph has a single path if and only if no vertex offers a choice. Two conditions make that so: the edges of the
    vertex other than the tree's all have the same base, and such an edge cannot take the place of the tree's, because
    from its end the tree leads back through the vertex.
    """
    left = graphs.counts.copy()
    owner = np.repeat(np.arange(len(shift)), np.diff(graphs.offset))
    exits = reserved[np.arange(len(left)) + shift[owner]]
    kept = np.flatnonzero(exits >= 0)
    left[kept, exits[kept]] -= 1
    ways = (left > 0).sum(axis=1)
    unique = np.ones(len(shift), dtype=bool)
    np.logical_and.at(unique, owner, ways <= 1)
    for index in np.flatnonzero(unique):
        for vertex in range(graphs.offset[index], graphs.offset[index + 1]):
            if exits[vertex] < 0 or ways[vertex] == 0:
                continue
            base = left[vertex].argmax()
            if base != exits[vertex] and not _leads_through(graphs, exits, graphs.successor[vertex, base], vertex):
                unique[index] = False
                break
    return unique


def _leads_through(graphs: Graphs, exits: np.ndarray, start: int, vertex: int) -> bool:
    """Return whether the tree's path from ``start`` to its root passes ``vertex``."""
    while start != vertex and exits[start] >= 0:
        start = graphs.successor[start, exits[start]]
    return bool(start == vertex)
