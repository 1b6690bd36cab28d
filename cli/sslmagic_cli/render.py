"""All that rich draws: the annotated table of a preamble, its title and notes.

Octets of the network come in as `anatomy.Field`, whose text is escaped, and are drawn
as `Text`, which has no markup that they could speak.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from sslmagic.anatomy import REST, UNREAD, Field, printable
from sslmagic.errors import DecodeError
from sslmagic.preamble import Preamble

__all__ = ["drawn", "fields", "note", "title"]

_WIDE = 100
"""Columns from which a line holds 16 octets instead of 8."""
_NARROW = 72
"""Columns below which it holds 4, so that the meaning keeps a readable column."""
_MOST_LINES = 4
"""Lines of octets that one field takes at most: a certificate has a thousand."""

_MOST_CHARACTERS = 160
"""Characters of a meaning: a certificate may be text as well."""

_FAULT = "bold white on red"
_FAULT_SAID = "bold red"
_STYLES = {
    "source": "bold green",
    "source port": "bold green",
    "source path": "bold green",
    "destination": "cyan",
    "destination port": "cyan",
    "destination path": "cyan",
    "TLV type": "yellow",
    "value": "yellow",
    "tag": "magenta",
    UNREAD: "dim",
    REST: "dim",
    "padding": "dim",
}
"""What catches the eye first: whose address it is, and what else is claimed."""


def drawn(*parts: RenderableType, to: TextIO | None = None) -> str:
    """Return *parts* as text for a stream, with its width, colours and characters."""
    console = Console(file=to or sys.stdout, highlight=False)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    # Cells are padded to their column; nobody wants that in a file.
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def title(format: str, preamble: Preamble, length: int) -> Text:
    """Return the line that says it all: format, client, destination, length."""
    text = Text.assemble((format, "bold"), "  ", preamble.command.name)
    text.append(f" {preamble.transport.label}")
    if preamble.source is not None:
        text.append("  ").append(printable(str(preamble.source)), "bold green")
    if preamble.destination is not None:
        text.append(" -> ").append(printable(str(preamble.destination)), "cyan")
    elif preamble.lacks_destination:
        text.append(" -> ").append("not said", "dim")
    return text.append(f"  {length} octets", "dim")


def note(said: str) -> Text:
    """Return a remark below a table."""
    return Text(said, style="dim")


def fields(parts: Iterable[Field], fault: DecodeError | None = None) -> RenderableType:
    """Return the table of a preamble's fields; *fault* is pointed at where it is."""
    return _Fields(tuple(parts), fault)


class _Fields:
    """The table, drawn when the width is known."""

    def __init__(self, parts: tuple[Field, ...], fault: DecodeError | None) -> None:
        self._parts = parts
        self._fault = fault

    def __rich_console__(
        self,
        console: Console,
        options: ConsoleOptions,
    ) -> Iterator[Table]:
        per_line = 16 if options.max_width >= _WIDE else 8
        per_line = 4 if options.max_width < _NARROW else per_line
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("offset", justify="right", style="dim", no_wrap=True)
        table.add_column("octets", no_wrap=True)
        table.add_column("name", no_wrap=True)
        table.add_column("meaning", overflow="fold")
        for part in self._parts:
            self._add(table, part, per_line)
        end = self._parts[-1].offset + len(self._parts[-1].octets) if self._parts else 0
        if self._fault and self._fault.offset >= end:
            table.add_row(str(end), Text("^^", _FAULT_SAID), "", self._said())
        yield table

    def _add(self, table: Table, part: Field, per_line: int) -> None:
        at = self._fault.offset - part.offset if self._fault else len(part.octets)
        # What stands behind a fault was never judged.
        style = _STYLES.get(part.name, "") if at >= 0 else "dim"
        name = Text("  " * part.level + part.name, "dim" if style == "dim" else "")
        meaning = Text().append(_shortened(part.meaning), style)
        if not 0 <= at < len(part.octets):
            table.add_row(*_cells(_lines(part, per_line), style), name, meaning)
            return
        offset, octets = _cells([_line(part, at - at % per_line, per_line)], style)
        column = at % per_line * 3
        octets.stylize(_FAULT, column, column + 2)
        # In the same cell, since the meaning may take more lines than the octets.
        octets.append("\n" + " " * column + "^^", _FAULT_SAID)
        meaning.append("\n" if part.meaning else "").append(self._said())
        table.add_row(offset, octets, name, meaning)

    def _said(self) -> Text:
        return Text(printable(str(self._fault)), _FAULT_SAID)


def _shortened(meaning: str) -> str:
    if len(meaning) <= _MOST_CHARACTERS:
        return meaning
    return f"{meaning[:_MOST_CHARACTERS]}... {len(meaning) - _MOST_CHARACTERS} more"


_Line = tuple[str, str]
"""An offset and the octets that start there, or what is said instead."""


def _lines(part: Field, per_line: int) -> list[_Line]:
    """Return the lines of one field, few enough to keep the whole in sight."""
    octets = part.octets
    if len(octets) > per_line and len(set(octets)) == 1:
        return [(str(part.offset), f"{len(octets)} x {octets[:1].hex()}")]
    lines = [_line(part, start, per_line) for start in range(0, len(octets), per_line)]
    if len(lines) > _MOST_LINES:
        shown = _MOST_LINES - 1
        more = f"... {len(octets) - shown * per_line} more"
        lines[shown:] = [(str(part.offset + shown * per_line), more)]
    return lines


def _line(part: Field, start: int, per_line: int) -> _Line:
    return str(part.offset + start), part.octets[start : start + per_line].hex(" ")


def _cells(lines: list[_Line], style: str) -> tuple[Text, Text]:
    offsets, octets = zip(*lines, strict=True)
    return Text("\n".join(offsets)), Text().append("\n".join(octets), style)
