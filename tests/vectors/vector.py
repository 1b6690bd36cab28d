"""The vectors as tests take them: one value for each line of the JSON files."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["FILES", "Vector", "raw", "vectors"]

HERE = Path(__file__).parent

FILES = ("magic", "proxy1", "proxy2", "tlv")
"""The files whose every line is one stream of octets to decode."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One stream of octets, and what the specification says of it."""

    id: str
    rule: str
    comment: str
    format: str
    wire: bytes
    result: str
    """"valid", or the reason of the refusal."""
    rest: bytes = b""
    """What follows the preamble in the stream."""
    limit: int | None = None
    """The limit to decode with, in octets; None for the default."""
    offset: int | None = None
    """Where the refusal points; None if it is valid."""
    decoded: dict[str, Any] | None = None
    """What `magic decode --json` prints; None if it is refused."""

    @property
    def octets(self) -> bytes:
        """The whole stream."""
        return self.wire + self.rest

    @property
    def valid(self) -> bool:
        """Whether a receiver must take it."""
        return self.result == "valid"

    def __str__(self) -> str:
        return f"{self.format}-{self.rule}-{self.id}"


@functools.cache
def raw(name: str) -> list[dict[str, Any]]:
    """The tests of one file as they stand in it."""
    tests: list[dict[str, Any]] = json.loads(
        (HERE / f"{name}.json").read_text("utf-8")
    )["tests"]
    return tests


@functools.cache
def vectors(*names: str) -> tuple[Vector, ...]:
    """The streams of these files, in their order; of all `FILES` if none is named."""
    return tuple(_vector(test) for name in names or FILES for test in raw(name))


def _vector(test: Mapping[str, Any]) -> Vector:
    values = dict(test)
    for key in {"wire", "rest"} & values.keys():
        values[key] = bytes.fromhex(values[key])
    return Vector(**values)
