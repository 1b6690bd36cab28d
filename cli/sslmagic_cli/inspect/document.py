"""`--json` and `--jsonl`: all that is known, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sslmagic_cli import output

__all__ = ["body", "say_document", "say_line", "whole"]

_BATCH = 256
"""Connections that are written at a time."""


def body(record: Mapping[str, Any]) -> str:
    """Return the JSON of a connection without the number and the pair.

    They are its first and its last member, and known later than the rest.
    """
    rest = {name: record[name] for name in record if name not in ("number", "pair")}
    return _json(rest)[1:-1]


def whole(number: int, body: str, pair: int | None = None) -> str:
    """Return the JSON of a connection."""
    said = "null" if pair is None else pair
    return f'{{"number": {number}, {body}, "pair": {said}}}'


def say_document(
    connections: Iterable[str],
    pairs: Iterable[Mapping[str, Any]],
    totals: Mapping[str, Any],
) -> None:
    """Write one object: each connection and each pair on a line of its own.

    Args:
        connections: their JSON, as `whole` gives it.
    """
    output.write(b'{"connections": [')
    _say_list(connections)
    output.write(b'],\n"pairs": [')
    _say_list(map(_json, pairs))
    output.write(f'],\n"totals": {_json(totals)}}}\n'.encode())


def say_line(said: str) -> None:
    """Write the JSON of one object, and the end of its line."""
    output.write(f"{said}\n".encode())


def _say_list(said: Iterable[str]) -> None:
    start, batch = "\n", list[str]()
    for one in said:
        batch.append(start + one)
        start = ",\n"
        if len(batch) == _BATCH:
            output.write("".join(batch).encode())
            batch.clear()
    output.write("".join(batch).encode())


def _json(record: Mapping[str, Any]) -> str:
    # JSON leaves DEL as it is, a terminal does not.
    return json.dumps(record).replace("\x7f", "\\u007f")
