"""What a client's first octets must be, by the protocol of the virtual server."""

from __future__ import annotations

from typing import Final, Literal, Protocol

from sslmagic import wire
from sslmagic.errors import Reason
from sslmagic.hello import starts_client_hello

__all__ = ["JUDGES", "Judge", "Verdict", "no_preamble", "only_ssl"]

Verdict = Literal["forward", "wait"] | Reason
"""What to do with octets: pass them on, hold them until there are more, or refuse."""


class Judge(Protocol):
    """Says what to do with the first octets of a stream."""

    def __call__(self, octets: bytes, *, ended: bool) -> Verdict:
        """Judge *octets*, and never say "wait" if the stream has *ended*."""
        ...


def only_ssl(octets: bytes, *, ended: bool) -> Verdict:
    """Pass on nothing but a TLS ClientHello: it takes six octets to tell."""
    told = starts_client_hello(octets)
    if told is None and not ended:
        return "wait"
    return "forward" if told else Reason.HELLO


_MAY_START: Final = frozenset(
    octet for octet in range(256) if wire.may_be_signature(bytes((octet,)))
)
"""First octets of signatures: whatever else a stream starts with settles it."""


def no_preamble(octets: bytes, *, ended: bool) -> Verdict:
    """Pass on anything but a preamble, of which a node might believe the address.

    At most 11 octets are held, while they may become a signature (spec.md section 5.3).
    """
    if octets and octets[0] not in _MAY_START:
        return "forward"
    if wire.signature(octets) is not None:
        return Reason.NESTED
    if not ended and (not octets or wire.may_be_signature(octets)):
        return "wait"
    return "forward"


JUDGES: Final[dict[str, Judge]] = {
    "ssl": only_ssl,
    "client_first": no_preamble,
    "stream": no_preamble,
}
"""The judge of each protocol whose octets are passed on unread."""
