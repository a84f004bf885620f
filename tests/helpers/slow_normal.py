"""The normal form of a variant, found by trying every way to write it."""


def slowly_normalised(place, ref, alt, chromosome):
    """Return, of all ways to write the change, the shortest, and of these the leftmost, trying every one."""
    edited = chromosome[:place] + alt + chromosome[place + len(ref) :]
    longer = len(edited) - len(chromosome)
    for size in range(1, len(ref) + 1):
        for start in range(len(chromosome) - size + 1):
            end = start + size
            if (
                size + longer > 0
                and chromosome[:start] == edited[:start]
                and chromosome[end:] == edited[end + longer :]
            ):
                return start, chromosome[start:end], edited[start : end + longer]
    raise AssertionError("a change can be written as it is")
