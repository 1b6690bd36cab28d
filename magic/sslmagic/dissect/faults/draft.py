"""The front of a connection that is to be made: what every fault is a change of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, Literal

from sslmagic.errors import EncodeError
from sslmagic.preamble import Endpoint, Preamble

__all__ = ["DEADLINE", "Draft", "Ending", "addressed", "client", "refused"]

Ending = Literal["served", "refused", "left", "broken", "open", "expired"]
"""What becomes of the connection: both speak and the peer closes; the listener resets
it; the peer closes; the peer resets it; nothing more happens; the listener closes when
its deadline has passed."""

DEADLINE: Final = 5.0
"""Seconds that listeners wait for a preamble by default (spec.md section 5.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The front of a connection that is to be made, and what is to be said of it."""

    format: str
    """The format of the preamble."""
    preamble: Preamble
    """What it says."""
    octets: bytes
    """The preamble as it is sent."""
    behind: bytes = b""
    """What is sent between it and what the client says."""
    silent: bool = False
    """Whether the client says nothing."""
    instead: bytes = b""
    """What the client says instead of its session."""
    ending: Ending = "served"
    """What becomes of the connection."""
    verdict: str = "ok"
    """A reason of spec.md section 9, or a word of `magic inspect`."""
    offset: int | None = None
    """Where the verdict points."""
    unseen: Literal["", "segment", "front"] = ""
    """What the capture lacks: a segment of the preamble, or all up to its end."""
    conflicting: bytes = b""
    """A preamble that is sent in the place of this one, behind it."""
    answer: bytes = b""
    """What the listener says instead of its part of the session."""


def refused(draft: Draft, verdict: str, octets: bytes, offset: int | None) -> Draft:
    """Return the draft with *octets*, which a receiver refuses with that *verdict*."""
    return dataclasses.replace(
        draft, verdict=verdict, octets=octets, offset=offset, ending="refused"
    )


def addressed(draft: Draft) -> bytes:
    """Return the address block.

    Raises:
        EncodeError: there is none.
    """
    if not (block := draft.preamble.block):
        raise EncodeError("a preamble without addresses cannot have this fault")
    return block


def client(draft: Draft) -> Endpoint:
    """Return the client that the preamble names.

    Raises:
        EncodeError: it has no IP address.
    """
    source = draft.preamble.source
    if not isinstance(source, Endpoint):
        raise EncodeError("the source must be IP:PORT for this fault")
    return source
