"""`--csv`: the rows for a spreadsheet, which must not take a name for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from sslmagic.anatomy import printable
from sslmagic_cli import output
from sslmagic_cli.inspect.flat import COLUMNS, row

__all__ = ["say_sheet"]

_BATCH = 256
_FORMULA = ("=", "+", "-", "@")
"""What makes a spreadsheet run a cell; a control character in front of one is escaped
by then."""


def say_sheet(connections: Iterable[Mapping[str, Any]]) -> None:
    """Write a line of names, and one for each connection."""
    page = io.StringIO()
    lines = csv.writer(page, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for count, record in enumerate(connections, 1):
        lines.writerow([_cell(value) for value in row(record).values()])
        if count % _BATCH == 0:
            _write(page)
    _write(page)


def _write(page: io.StringIO) -> None:
    output.write(page.getvalue().encode("utf-8", "backslashreplace"))
    page.seek(0)
    page.truncate()


def _cell(value: Any) -> object:
    match value:
        case bool():
            return str(value).lower()
        case str():
            said = printable(value)
            return f"'{said}" if said.lstrip().startswith(_FORMULA) else said
        case None | int() | float():
            return value
        case _:
            return _cell(" ".join(map(_item, value)))


def _item(value: Any) -> str:
    match value:
        case {"name": name, "value": said, "hex": octets}:
            return f"{name}={octets if said is None else said}"
        case _:
            return str(value)
