"""`--expect`: what a reader must say of a crafted capture (captures/schema.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sslmagic.dissect.recipe import Connection

__all__ = ["expectation"]


def expectation(made: Iterable[Connection], *, snaplen: int) -> str:
    """Return the file of `--expect`; a *snaplen* of 0 keeps whole packets."""
    connections: list[dict[str, object]] = []
    for number, one in enumerate(made, 1):
        said = one.expected
        if snaplen:
            # What is cut off depends on the link: who connected is all that is sure.
            said = {key: said[key] for key in ("peer", "listener", "vlans")}
        connections.append({"number": number, **said})
    about: dict[str, object] = {"about": "made by magic craft"}
    if any(said.get("verdict") == "hello" for said in connections):
        about["reader"] = {"protocol": "ssl"}
    return json.dumps({**about, "connections": connections}, indent=1) + "\n"
