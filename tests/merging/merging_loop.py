"""Matching and merging once more, one token at a time, from the formulas: an oracle that shares no code."""

import math

Vector = list[float]


def _cosine(a: Vector, b: Vector) -> float:
    length = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(x * x for x in b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / length


def merged(metric: list[Vector], r: int, protected: int) -> list[list[int]]:
    """For each token that is left, in order, the tokens that are in it."""
    tokens = len(metric)
    groups = {place: [place] for place in range(tokens)}
    sources = [a for a in range(0, tokens, 2) if not (a == 0 and protected >= 1)]
    targets = [b for b in range(1, tokens, 2) if not (b == 1 and protected == 2)]
    best = {}
    for a in sources:
        likeness = [(_cosine(metric[a], metric[b]), -b) for b in targets]
        if likeness:
            value, place = max(likeness)
            best[a] = (value, -place)
    ranked = sorted(best, key=lambda a: -best[a][0])
    lost = ranked[: max(0, min(r, (tokens - protected) // 2))]
    for a in lost:
        groups[best[a][1]].append(a)
    evens = [a for a in (ranked if protected == 0 else range(0, tokens, 2)) if a not in lost]
    odds = list(range(1, tokens, 2))
    order = evens + odds if protected < 2 else [0, 1, *evens[1:], *odds[1:]]
    return [groups[place] for place in order]


def average(groups: list[list[int]], x: list[Vector], sizes: Vector) -> tuple[list[Vector], Vector]:
    """The means of the groups, weighted by size, and their sizes."""
    means, totals = [], []
    for group in groups:
        total = math.fsum(sizes[i] for i in group)
        means.append([math.fsum(x[i][c] * sizes[i] for i in group) / total for c in range(len(x[0]))])
        totals.append(total)
    return means, totals
