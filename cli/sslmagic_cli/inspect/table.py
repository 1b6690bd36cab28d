"""HTML tables that become cards where the screen is narrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from sslmagic.anatomy import printable

__all__ = ["Column", "address", "row", "table"]


class Column(NamedTuple):
    """A column of a table."""

    name: str
    style: str = ""
    """The classes of its cells."""


def table(columns: Sequence[Column], rows: Iterable[str], *, tools: str = "") -> str:
    """Return a table of *rows*.

    Args:
        tools: the id of what filters it; without it the table has no order to change.
    """
    heads = "".join(
        f'<th scope="col"{_class("number" * (column.style == "number"))}>'
        f"{column.name}</th>"
        for column in columns
    )
    style = "stack sortable" if tools else "stack"
    data = f' data-tools="{tools}"' if tools else ""
    body = "\n".join(rows)
    return (
        f'<div class="scroll"><table class="{style}"{data}><thead><tr>{heads}</tr>'
        f"</thead><tbody>\n{body}\n</tbody></table></div>"
    )


def row(columns: Sequence[Column], cells: Iterable[str], *, verdict: str = "") -> str:
    """Return a row of cells, which are HTML; *verdict* is what it is filtered by."""
    said = "".join(
        f'<td{_class(column.style)} data-label="{column.name}">'
        f"{f'<div>{text}</div>' if text else ''}</td>"
        for column, text in zip(columns, cells, strict=True)
    )
    data = f' data-verdict="{verdict}"' if verdict else ""
    return f"<tr{data}>{said}</tr>"


def address(said: object) -> str:
    """Return an address, escaped, that may be broken before its port if it is IPv6.

    Nothing for None.
    """
    if said is None:
        return ""
    return escape(printable(str(said))).replace("]:", "]<wbr>:")


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""
