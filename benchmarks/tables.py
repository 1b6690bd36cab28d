"""Tables of figures as text, Markdown and JSON."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Table", "as_json", "as_markdown", "as_text", "refreshed", "rounded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table and what a reader must know about it."""

    title: str
    columns: Sequence[str]
    """The first column names the row."""
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    """How it was measured, and what is not alike."""
    figures: dict[str, object] = field(default_factory=dict)
    """The numbers behind the rows, for programs."""


def rounded(value: float) -> str:
    """Return *value* with three significant digits, and never as 1e+03."""
    if value == 0:
        return "0"
    digits = 0
    while abs(value) * 10**digits < 100 and digits < 4:
        digits += 1
    return f"{value:,.{digits}f}".replace(",", " ")


def as_text(table: Table) -> str:
    """Return the table for a terminal."""
    widths = [
        max(len(row[column]) for row in (table.columns, *table.rows))
        for column in range(len(table.columns))
    ]
    lines = [table.title, ""]
    for row in (table.columns, ["-" * width for width in widths], *table.rows):
        first, *others = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(["  " + first, *others]).rstrip())
    if table.notes:
        lines.append("")
    for note in table.notes:
        lines += textwrap.wrap(note, 88, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"


def as_markdown(table: Table) -> str:
    """Return the table for a page."""
    lines = [f"### {table.title}", ""]
    lines.append(f"| {' | '.join(table.columns)} |")
    lines.append("| --- |" + " ---: |" * (len(table.columns) - 1))
    lines += [f"| {' | '.join(row)} |" for row in table.rows]
    lines += [""]
    lines += [f"- {note}" for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def as_json(table: Table) -> dict[str, object]:
    """Return the table for a program."""
    return {
        "title": table.title,
        "columns": list(table.columns),
        "rows": [list(row) for row in table.rows],
        "notes": list(table.notes),
        "figures": table.figures,
    }


def refreshed(figures: str, tables: Sequence[Table]) -> str:
    """Return *figures* of a page with each of *tables* in the place of its like.

    Like is what has the same title; a table without one goes to the end. What other
    chapters measured stays, so that a page may be made chapter by chapter.
    """
    first, *parts = re.split(r"^(?=### )", figures, flags=re.MULTILINE)
    known = {part.partition("\n")[0]: part.rstrip() + "\n" for part in parts}
    for table in tables:
        known[f"### {table.title}"] = as_markdown(table)
    return "\n".join([first.rstrip() + "\n", *known.values()])
