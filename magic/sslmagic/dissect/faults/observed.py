"""What only somebody who looks at the wire can say: loss, conflicts, wrong ports."""

from __future__ import annotations

import dataclasses
from typing import Final

from sslmagic.dissect.faults.draft import Draft, client
from sslmagic.errors import EncodeError
from sslmagic.preamble import Endpoint, Preamble
from sslmagic.wire import encode

__all__ = ["conflict", "loss", "midway", "wrong_port"]

_ALERT: Final = bytes.fromhex("1503030002020a")
"""Fatal: unexpected_message."""


def loss(draft: Draft) -> Draft:
    """Keep a segment of the preamble from the capture."""
    return dataclasses.replace(draft, unseen="segment", verdict="unseen")


def midway(draft: Draft) -> Draft:
    """Begin the capture behind the preamble."""
    return dataclasses.replace(draft, unseen="front", verdict="unseen")


def conflict(draft: Draft) -> Draft:
    """Send the preamble again with another client in it."""
    destination = draft.preamble.destination
    if not isinstance(destination, Endpoint):
        raise EncodeError("nobody is named who could be somebody else")
    host = "2001:db8::6" if ":" in destination.host else "192.0.2.66"
    other = Preamble(
        source=(host, client(draft).port),
        destination=destination,
        tlvs=draft.preamble.tlvs,
    )
    octets = encode(other, draft.format)
    if len(octets) > len(draft.octets):
        raise EncodeError(f"{client(draft).host} is shorter than {host}")
    return dataclasses.replace(draft, conflicting=octets)


def wrong_port(draft: Draft) -> Draft:
    """Let the listener answer as one that knows no preamble: TLS's alert."""
    return dataclasses.replace(draft, answer=_ALERT, ending="refused")
