"""The timeline of a report: an SVG whose places are percentages, so that it fits.

few connections     a bar for each, from its first packet to its last
many                how many were opened in each stretch of time
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Final, NamedTuple

from sslmagic.anatomy import printable
from sslmagic.capture.connection import Connection
from sslmagic_cli.inspect.record import moment
from sslmagic_cli.inspect.rows import clock, shown

__all__ = ["Timeline"]

_FEW: Final = 24
"""Connections that have a bar each."""
_STRETCHES: Final = 120
"""Stretches of time, at most."""
_LANE: Final = 30
_LEAST: Final = 0.4
"""Percent of the width that the shortest bar has."""
_HEIGHT: Final = 150
_FOOT: Final = 24
_KINDS: Final = ("ok", "front", "doubt", "fault")
"""The classes of bars, from the bottom up."""


class _Bar(NamedTuple):
    number: int
    label: str
    verdict: str
    kind: str
    opened: int
    closed: int


class Timeline:
    """Gathers what it draws, in memory that does not grow."""

    def __init__(self) -> None:
        self._bars: list[_Bar] = []
        self._count = 0
        self._width = 1_000_000
        """Nanoseconds of a stretch; doubled when there are too many of them."""
        self._stretches: Counter[tuple[int, str]] = Counter()
        self._first = self._last = 0

    def add(self, connection: Connection, kind: str) -> None:
        """Take one connection of the kind ``ok``, ``doubt`` or ``fault``."""
        conversation = connection.conversation
        opened, closed = conversation.opened, conversation.closed
        if not self._count:
            self._first = self._last = opened
        self._count += 1
        self._first = min(self._first, opened)
        self._last = max(self._last, opened)
        if self._count <= _FEW:
            who = shown(connection.client or conversation.peer)
            name = connection.tls.server_name if connection.tls else None
            label = f"{who} to {printable(name)}" if name else who
            said = str(connection.verdict)
            bar = _Bar(conversation.number, label, said, kind, opened, closed)
            self._bars.append(bar)
        self._stretches[opened // self._width, kind] += 1
        while self._last // self._width - self._first // self._width >= _STRETCHES:
            self._width *= 2
            halved: Counter[tuple[int, str]] = Counter()
            for (at, one), count in self._stretches.items():
                halved[at // 2, one] += count
            self._stretches = halved

    def drawn(self, fronts: Mapping[int, int]) -> str:
        """Return the SVG; *fronts* says of gateways' fronts when each was opened."""
        if not self._count:
            return ""
        if self._count > _FEW:
            return "".join(self._histogram(fronts.values()))
        return "".join(self._lanes(frozenset(fronts)))

    def _lanes(self, fronts: frozenset[int]) -> Iterator[str]:
        bars = sorted(self._bars, key=lambda bar: (bar.opened, bar.number))
        first = bars[0].opened
        span = max(max(bar.closed for bar in bars) - first, 1)
        height = len(bars) * _LANE
        yield _svg(height + _FOOT, "Each connection from its first packet to its last")
        for lane, bar in enumerate(bars):
            kind, verdict = bar.kind, bar.verdict
            if bar.number in fronts:
                kind, verdict = "front", "front of a gateway"
            y = lane * _LANE
            width = max(100 * (bar.closed - bar.opened) / span, _LEAST)
            # One at the very end is seen as well.
            left = min(100 * (bar.opened - first) / span, 100 - width)
            yield (
                f"<g><title>{_safe(bar.label)}: {verdict}, {_safe(clock(bar.opened))}"
                f" UTC</title>"
                f'<text class="lane" x="0" y="{y + 12}">'
                f'<tspan class="muted">{bar.number}</tspan> {_safe(bar.label)}'
                f' <tspan class="muted">{verdict}</tspan></text>'
                f'<rect class="track" x="0" y="{y + 18}" width="100%" height="6"'
                ' rx="3"/>'
                f'<rect class="{kind}" x="{left:.3f}%" y="{y + 18}"'
                f' width="{width:.3f}%" height="6" rx="3"/></g>'
            )
        yield from _axis(first, first + span, height)
        yield "</svg>"

    def _histogram(self, fronts: Iterable[int]) -> Iterator[str]:
        stretches = self._stretches.copy()
        for opened in fronts:
            # Each was taken for one in doubt, until its other side was found.
            stretches[opened // self._width, "doubt"] -= 1
            stretches[opened // self._width, "front"] += 1
        start = self._first // self._width
        count = self._last // self._width - start + 1
        heights: Counter[int] = Counter()
        for (at, _), number in stretches.items():
            heights[at] += number
        most = max(heights.values())
        step = 100 / count
        yield _svg(_HEIGHT + _FOOT, "How many connections were opened, over time")
        yield f'<text class="muted" x="0" y="12">{most} at most</text>'
        room = _HEIGHT - 20
        for at in sorted(heights):
            y = float(_HEIGHT)
            said = [clock(at * self._width)]
            rects = ""
            for kind in _KINDS:
                number = stretches[at, kind]
                if not number:
                    continue
                tall = max(room * number / most, 1.5)
                y -= tall
                rects += (
                    f'<rect class="{kind}" x="{(at - start) * step:.3f}%" y="{y:.1f}"'
                    f' width="{step * 0.82:.3f}%" height="{tall:.1f}"/>'
                )
                said.append(f"{number} {_NAMES[kind]}")
            yield f"<g><title>{_safe(', '.join(said))}</title>{rects}</g>"
        yield from _axis(self._first, (start + count) * self._width, _HEIGHT)
        yield "</svg>"


_NAMES: Final = {
    "ok": "ok",
    "front": "front",
    "doubt": "in doubt",
    "fault": "faulty",
}


def _svg(height: int, title: str) -> str:
    return (
        f'<svg class="timeline" role="img" width="100%" height="{height}">'
        f"<title>{title}</title>"
    )


def _axis(first: int, last: int, y: int) -> Iterator[str]:
    yield f'<line class="axis" x1="0" x2="100%" y1="{y + 2}" y2="{y + 2}"/>'
    for share, anchor in ((0, "start"), (50, "middle"), (100, "end")):
        time = first + (last - first) * share // 100
        yield (
            f'<text class="muted" x="{share}%" y="{y + 18}" text-anchor="{anchor}">'
            f"<title>{_safe(moment(time))}</title>{_safe(clock(time))}</text>"
        )


def _safe(text: str) -> str:
    return escape(text)
