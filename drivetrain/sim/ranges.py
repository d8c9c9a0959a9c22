"""How worlds are shared out among threads."""

import itertools

LEAST_WORLDS_PER_THREAD = 16
"""Handing a thread less work than this costs more than doing it oneself."""


def ranges_of(worlds: int, seats: int, threads: int) -> list[tuple[int, int]]:
    """Even ranges of whole groups, one per thread, none too small to be worth a thread."""
    groups = worlds // seats
    parts = max(1, min(threads, worlds // LEAST_WORLDS_PER_THREAD, groups))
    bounds = [groups * part // parts * seats for part in range(parts + 1)]
    return list(itertools.pairwise(bounds))
