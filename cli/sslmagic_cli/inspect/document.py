"""`--json` and `--jsonl`: all that is known, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sslmagic_cli import output

__all__ = ["say_document", "say_line", "whole"]

_BATCH = 256
"""Connections that are written at a time."""


def whole(number: int, body: bytes, pair: int | None = None) -> bytes:
    """Return the JSON of a connection.

    Args:
        body: what `sslmagic_cli.inspect.record.body` gives.
        pair: the number of the other one of its pair.
    """
    said = b"null" if pair is None else b"%d" % pair
    return b'{"number": %d, %b, "pair": %b}' % (number, body, said)


def say_document(
    connections: Iterable[bytes],
    pairs: Iterable[bytes],
    totals: Mapping[str, Any],
) -> None:
    """Write one object: each connection and each pair on a line of its own.

    Args:
        connections: their JSON, as `whole` gives it.
        pairs: theirs.
    """
    output.write(b'{"connections": [')
    _say_list(connections)
    output.write(b'],\n"pairs": [')
    _say_list(pairs)
    output.write(f'],\n"totals": {_json(totals)}}}\n'.encode())


def say_line(said: bytes) -> None:
    """Write the JSON of one object, and the end of its line."""
    output.write(said + b"\n")


def _say_list(said: Iterable[bytes]) -> None:
    start, batch = b"\n", list[bytes]()
    for one in said:
        batch.append(start + one)
        start = b",\n"
        if len(batch) == _BATCH:
            output.write(b"".join(batch))
            batch.clear()
    output.write(b"".join(batch))


def _json(record: Mapping[str, Any]) -> str:
    # JSON leaves DEL as it is, a terminal does not.
    return json.dumps(record).replace("\x7f", "\\u007f")
