"""One connection more than may wait for a preamble: the one that waited longest goes.

One may wait here, and two have not said a word. The second one takes the place of the
first, and is served once it speaks.
"""

from __future__ import annotations

import dataclasses
import ssl
from pathlib import Path

from tests.interop.authority import Authority
from tests.interop.client import REQUEST, Answer, Client, Plain, RefusedError
from tests.interop.peers import Address
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant, serving
from tests.sslmagic.receiving import CLIENT, OCTETS

__all__ = ["RIGHT", "Overflow", "overflow"]

PATIENCE = 15.0
"""Seconds after which nothing is awaited any more."""
DEADLINE = 2 * PATIENCE
"""Seconds that the server gives a preamble: nobody goes because of them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Overflow:
    """What became of the two, in words of docs/trust.md."""

    first: str
    second: str
    counters: dict[str, int]
    """The listener's, as the second one was told them."""


RIGHT = Overflow(
    first="refused",
    second="client",
    counters={"accepted": 1, "direct": 0, "refused_waiting": 1},
)
"""What must come of them."""


def overflow(variant: Variant, authority: Authority, directory: Path) -> Overflow:
    """Runs a server, with TLS if it has any, and connects to it twice."""
    place = Place(waiting=1, deadline=DEADLINE)
    tls = authority if variant.tls else None
    with serving(variant, place, directory=directory, authority=tls) as server:
        context = authority.client() if variant.tls else None
        # The kernel queues them in this order.
        with (
            _connected(server.address, context) as first,
            _connected(server.address, context) as second,
        ):
            became = _ended(first)
            answer = _served(second, variant.request or REQUEST)
    (counters,) = answer.body["counters"]
    named = answer.body["client"] == list(CLIENT)
    said = "client" if named else f"{answer.body['client']}?"
    return Overflow(first=became, second=said, counters=counters)


def _connected(address: Address | Path, context: ssl.SSLContext | None) -> Plain:
    if context is None:
        return Plain(address, patience=PATIENCE)
    return Client(address, context, patience=PATIENCE)


def _ended(client: Plain) -> str:
    try:
        lasted = client.until_ended(seconds=PATIENCE)
    except RefusedError as error:
        return f"told {error.received!r}"
    return "refused" if lasted < PATIENCE else "still there"


def _served(client: Plain, request: bytes) -> Answer:
    if isinstance(client, Client):
        client.begin(before=OCTETS)
        client.shake()
        return client.answer(request)
    client.begin(before=OCTETS + request)
    return client.answer()
