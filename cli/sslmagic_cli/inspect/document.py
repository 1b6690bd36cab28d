"""`--json` and `--jsonl`: all that is known, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sslmagic_cli import output

__all__ = ["say_document", "say_line"]

_BATCH = 256
"""Connections that are written at a time."""


def say_document(
    connections: Iterable[Mapping[str, Any]],
    pairs: Iterable[Mapping[str, Any]],
    totals: Mapping[str, Any],
) -> None:
    """Write one object: each connection and each pair on a line of its own."""
    output.write(b'{"connections": [')
    _say_list(connections)
    output.write(b'],\n"pairs": [')
    _say_list(pairs)
    output.write(f'],\n"totals": {_json(totals)}}}\n'.encode())


def say_line(record: Mapping[str, Any]) -> None:
    """Write one object and the end of its line."""
    output.write(f"{_json(record)}\n".encode())


def _say_list(records: Iterable[Mapping[str, Any]]) -> None:
    start, batch = "\n", list[str]()
    for record in records:
        batch.append(start + _json(record))
        start = ",\n"
        if len(batch) == _BATCH:
            output.write("".join(batch).encode())
            batch.clear()
    output.write("".join(batch).encode())


def _json(record: Mapping[str, Any]) -> str:
    # JSON leaves DEL as it is, a terminal does not.
    return json.dumps(record).replace("\x7f", "\\u007f")
