"""What every server under test answers: whom it sees, and what could say otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sslmagic import Endpoint, Preamble, UnixEndpoint
from sslmagic.listener import listeners
from tests.interop.serving.claims import claims

__all__ = ["answer"]


def answer(
    client: Any,
    preamble: Preamble | None,
    peer: Endpoint | UnixEndpoint,
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """One line of JSON.

    Args:
        client: what the framework calls the peer: (host, port), "" or None.
        preamble: as the framework gives it.
        peer: the other end of the TCP connection, as the framework gives it.
        headers: the request's, as the application sees them.
    """
    said = {
        "client": list(client)[:2] if isinstance(client, list | tuple) else client,
        "peer": str(peer),
        "destination": None if preamble is None else preamble.destination,
        "preamble": preamble is not None,
        "tlvs": [] if preamble is None else [tlv.name for tlv in preamble.tlvs],
        "claims": sorted(f"{name}: {value}" for name, value in headers if claims(name)),
        # Of this very process, as an application has them that shows its own metrics.
        "counters": [listener.counters.snapshot() for listener in listeners()],
    }
    return json.dumps(said).encode()
