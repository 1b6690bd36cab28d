"""The rows of `magic inspect`: each is there as soon as its connection is judged.

Widths are fixed before the first connection comes, so that nothing has to be kept.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.console import Console
from rich.style import Style

from sslmagic.anatomy import printable
from sslmagic.capture.connection import Connection
from sslmagic.capture.verdict import FINE, Verdict
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic_cli import output

__all__ = ["STYLES", "Rows", "clock", "drawn_as", "kind", "shown", "style_of"]

WIDE = 118
"""Columns from which the name that TLS asks for has one of its own."""
_SECOND: Final = 1_000_000_000
_FEW_LINES = 2
"""Lines that the words of a fault take at most."""

_DOUBT = frozenset({Verdict.SILENT, Verdict.WAITING, Verdict.UNSEEN, Verdict.MISSING})
"""Verdicts that are faults on one side of a gateway, or in a part of a capture."""

STYLES: Final = {
    "ok": "green",
    "front": "blue",
    "fault": "bold red",
    "doubt": "yellow",
}
"""Colours of verdicts."""


Lines = tuple[list[str], list[str], list[str]]
"""The lines of a row behind its number, the words below it, and the lines of the same
as a gateway's front; none where it can be none."""


class _Column(NamedTuple):
    name: str
    width: int
    right: bool = False


class Rows:
    """Writes rows to standard output.

    Args:
        console: what is written to: its width and its colours.
        wrap: whether words are cut to the width; a file has no width.
    """

    def __init__(self, console: Console, *, wrap: bool) -> None:
        self._colours = console.color_system is not None and not console.no_color
        self._wrap = wrap
        self._width = console.width
        self._columns = _columns(console.width)
        self._styles: dict[str, Style] = {}

    def head(self) -> None:
        """Write the names of the columns."""
        cells = [[(column.name, "dim")] for column in self._columns]
        output.say("\n".join(self._drawn(cells, self._columns)))

    def say(self, number: int, lines: Lines) -> None:
        """Write one connection, and its words below."""
        output.say(self.numbered(number, lines))

    def numbered(self, number: int, lines: Lines, *, front: bool = False) -> str:
        """Return one connection's row with its number; a *front* needs no words."""
        cells, words, as_front = lines
        if front:
            cells, words = as_front, []
        column, room = self._columns[0], " " * self._columns[0].width
        first = [
            " " * (column.width - len(part)) + self._styled(part, "dim")
            for part in _cut(str(number), column.width)
        ]
        count = max(len(first), len(cells))
        first += [room] * (count - len(first))
        rest = [*cells, *[""] * (count - len(cells))]
        said = [f"{one}  {two}".rstrip() for one, two in zip(first, rest, strict=True)]
        return "\n".join([*said, *words])

    def lines(self, connection: Connection) -> Lines:
        """Return one connection's row without its number, and the words below it."""
        conversation = connection.conversation
        client = shown(connection.client)
        columns = self._columns[1:]
        verdict = str(connection.verdict), drawn_as(connection)
        said = [
            (clock(conversation.opened)[: columns[0].width], "dim"),
            (client, "bold green" if connection.client else "dim"),
            (shown(conversation.peer), ""),
            (connection.format or "-", "" if connection.format else "dim"),
            verdict,
        ]
        if len(columns) > len(said):
            said.append((_name(connection), "dim"))
        words = self._words(connection) if connection.is_remarkable else ()
        as_front: list[str] = []
        if connection.verdict is Verdict.MISSING:
            front = "front", STYLES["front"]
            as_front = self._row(
                [front if one is verdict else one for one in said], columns
            )
        return (
            self._row(said, columns),
            [self._styled(line, "dim") for line in words],
            as_front,
        )

    def _words(self, connection: Connection) -> Sequence[str]:
        indent = sum(column.width + 2 for column in self._columns[:2])
        words = connection.words
        if not self._wrap:
            return [" " * indent + words]
        return [
            " " * indent + line
            for line in textwrap.wrap(
                words,
                max(self._width - indent, 20),
                max_lines=_FEW_LINES,
                placeholder=" ...",
            )
        ]

    def _row(
        self, said: list[tuple[str, str]], columns: Sequence[_Column]
    ) -> list[str]:
        cells = [
            [(part, style) for part in _cut(text, column.width)]
            for (text, style), column in zip(said, columns, strict=True)
        ]
        return self._drawn(cells, columns)

    def _drawn(
        self, cells: list[list[tuple[str, str]]], columns: Sequence[_Column]
    ) -> list[str]:
        lines: list[str] = []
        for number in range(max(map(len, cells))):
            line = ""
            for column, parts in zip(columns, cells, strict=True):
                text, style = parts[number] if number < len(parts) else ("", "")
                room = " " * (column.width - len(text))
                text = self._styled(text, style)
                line += (room + text if column.right else text + room) + "  "
            lines.append(line.rstrip())
        return lines

    def _styled(self, text: str, style: str) -> str:
        if not self._colours or not style or not text:
            return text
        if style not in self._styles:
            self._styles[style] = Style.parse(style)
        return self._styles[style].render(text)


def _columns(width: int) -> list[_Column]:
    wide = width >= WIDE
    columns = [
        _Column("#", 5 if wide else 4, right=True),
        _Column("UTC", 12 if wide else 8),
        _Column("client", 23 if wide else 21),
        _Column("peer", 23 if wide else 21),
        _Column("format", 6),
        _Column("verdict", 9),
    ]
    if wide:
        rest = width - sum(column.width + 2 for column in columns)
        columns.append(_Column("to", rest))
    return columns


def kind(verdict: Verdict) -> str:
    """Return the name of a verdict's colour in `STYLES`."""
    if verdict in FINE:
        return "ok"
    return "doubt" if verdict in _DOUBT else "fault"


def style_of(verdict: Verdict) -> str:
    """Return how a verdict is drawn."""
    return STYLES[kind(verdict)]


def drawn_as(connection: Connection) -> str:
    """Return how a connection's verdict is drawn, by what it means there."""
    if connection.is_fault and connection.verdict in FINE:
        return STYLES["fault"]
    return style_of(connection.verdict)


def clock(time: int) -> str:
    """Return the time of day in UTC, in milliseconds; ``?`` if no calendar has it."""
    seconds, rest = divmod(time, _SECOND)
    try:
        at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return "?"
    return f"{at:%H:%M:%S}.{rest // 1_000_000:03d}"


def shown(endpoint: Endpoint | UnixEndpoint | None) -> str:
    """Return an address for people, escaped; ``-`` for none."""
    return "-" if endpoint is None else printable(str(endpoint))


def _name(connection: Connection) -> str:
    if connection.tls is not None and connection.tls.server_name is not None:
        return printable(connection.tls.server_name)
    return connection.follows


def _cut(text: str, width: int) -> list[str]:
    """Return *text* in as many lines as it takes, IPv6 before the port if it can be."""
    if len(text) <= width:
        return [text]
    host, bracket, port = text.rpartition("]")
    if bracket and len(host) < width:
        return [host + bracket, port]
    return [text[at : at + width] for at in range(0, len(text), width)][:4]
