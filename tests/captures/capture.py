"""The captures as tests take them: packets, and what is to be got out of them."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

from tests.sources import PROJECT

__all__ = ["CAPTURES", "SCHEMA", "Capture", "captures"]

CAPTURES = PROJECT / "captures"
SCHEMA = CAPTURES / "schema.json"
"""What may stand beside a capture."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One file of packets."""

    path: Path
    about: str
    kind: str
    """crafted or real."""
    made_by: str
    reader: dict[str, Any]
    """What a reader must be told: `peers`, networks that may send a preamble, `direct`,
    those of clients, `protocol`, ssl where TLS must follow, and `unsigned`, where there
    is no key; empty if nothing."""
    connections: list[dict[str, Any]]
    """Members of what `magic inspect --json` says of each."""
    pairs: list[dict[str, Any]]
    """Which connection of this capture, the back, is which of another, the front."""

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


@functools.cache
def captures(kind: str | None = None) -> tuple[Capture, ...]:
    """Every capture, or those of one kind, by name."""
    found = [_read(path) for path in sorted(CAPTURES.glob("*.pcapng"))]
    return tuple(one for one in found if kind in (None, one.kind))


def _read(path: Path) -> Capture:
    said = json.loads(path.with_suffix(".json").read_text("utf-8"))
    for one in said["connections"]:
        one.pop("about", None)
    return Capture(
        path=path,
        about=said["about"],
        kind=said["kind"],
        made_by=said["made_by"],
        reader=said.get("reader", {}),
        connections=said["connections"],
        pairs=said.get("pairs", []),
    )
