"""The order in which rows of elements are compared, two at a time, so that they end up sorted."""


def merge_exchange(power: int) -> list[tuple[int, int, int]]:
    """Return the turns of Batcher's merge exchange for rows of up to 2^power elements.

    Each turn is a bit, the value that this bit has in the place where a comparator starts, and the distance between the
    two elements that it compares (Knuth, The Art of Computer Programming, volume 3, section 5.2.2, algorithm M).
    """
    turns, top = [], 2**power // 2
    bit = top
    while bit:
        until, rest, apart = top, 0, bit
        while True:
            turns.append((bit, rest, apart))
            if until == bit:
                break
            apart, until, rest = until - bit, until // 2, bit
        bit //= 2
    return turns
