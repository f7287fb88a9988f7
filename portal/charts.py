"""Geometry of the small charts, as SVG attribute text. Decimal in, text out: no float near an amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.shapes import Segment


@dataclass(frozen=True, slots=True)
class Spark:
    width: int
    height: int
    line: str  # path data
    area: str
    zero: str  # y of the zero line
    below_zero: bool


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: int
    width: int
    height: int


def spark(values: Sequence[Decimal | int], width: int = 240, height: int = 44) -> Spark:
    """A line through `values`, oldest first, with zero always in view. One value draws level."""
    points = [Decimal(v) for v in values] or [Decimal(0)]
    if len(points) == 1:
        points *= 2
    pad = 3
    low, high = min(*points, Decimal(0)), max(*points, Decimal(0))
    span = high - low or Decimal(1)

    def y(value: Decimal) -> str:
        return f"{pad + (high - value) / span * (height - 2 * pad):.1f}"

    line = "M" + " L".join(f"{Decimal(i * width) / (len(points) - 1):.1f} {y(v)}" for i, v in enumerate(points))
    area = f"{line} L{width} {height} L0 {height} Z"
    return Spark(width, height, line, area, y(Decimal(0)), low < 0)


def bars(values: Sequence[int], width: int = 280, height: int = 64) -> list[Bar]:
    """Columns that share the width; nothing is drawn as a stroke of two units, so that zero shows."""
    step = width // max(len(values), 1)
    top = max(values, default=0) or 1
    base = height - 4
    found = []
    for i, value in enumerate(values):
        tall = max(value * (base - 4) // top, 2) if value else 2
        found.append(Bar(i * step + 3, base - tall, max(step - 6, 1), tall))
    return found


def stack(segments: Sequence[Segment], gap: int = 0) -> list[tuple[int, Segment]]:
    """Where each non-empty segment starts, in units, with `gap` units between two."""
    at, found = 0, []
    for segment in segments:
        if segment.count > 0:
            found.append((at, segment))
            at += segment.count + gap
    return found
