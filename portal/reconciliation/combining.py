"""Several documents that together are one amount. Bounded: what it costs does not grow with the bookkeeping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

ENOUGH = 2  # the second one shows that the first is not the only one


def sums_to(amounts: Sequence[int], target: int) -> list[tuple[int, ...]]:
    """Positions of two or more amounts that together are `target`: at most two ways, the fewest amounts first.

    Looks at every two, three and four, at the first n, and at all of them.
    """
    found: list[tuple[int, ...]] = []
    for way in _ways(amounts, target):
        if way not in found:
            found.append(way)
            if len(found) == ENOUGH:
                break
    return found


def _ways(amounts: Sequence[int], target: int) -> Iterator[tuple[int, ...]]:
    pairs: dict[int, list[tuple[int, int]]] = {}
    for one, two in combinations(range(len(amounts)), 2):
        pairs.setdefault(amounts[one] + amounts[two], []).append((one, two))
    yield from pairs.get(target, ())
    for third, amount in enumerate(amounts):
        yield from ((one, two, third) for one, two in pairs.get(target - amount, ()) if two < third)
    for total, some in pairs.items():
        others = pairs.get(target - total, ())
        yield from ((*one, *two) for one in some for two in others if one[1] < two[0])
    total = 0
    for count, amount in enumerate(amounts, start=1):
        total += amount
        if total == target and count > 4:
            yield tuple(range(count))
