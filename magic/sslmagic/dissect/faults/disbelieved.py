"""Preambles that are valid, and that no receiver takes as the client's address."""

from __future__ import annotations

import dataclasses

from sslmagic.dissect.faults.draft import Draft, addressed, client, refused
from sslmagic.errors import EncodeError
from sslmagic.preamble import Endpoint, Preamble, Transport
from sslmagic.wire import encode

__all__ = ["local", "spoofed", "transport"]


def spoofed(draft: Draft) -> Draft:
    """Name loopback as the client, from elsewhere."""
    destination = draft.preamble.destination
    if not isinstance(destination, Endpoint):
        raise EncodeError("nobody is spoofed where there are no addresses")
    host = "::1" if ":" in destination.host else "127.0.0.1"
    preamble = Preamble(
        source=(host, client(draft).port),
        destination=destination,
        tlvs=draft.preamble.tlvs,
    )
    octets = encode(preamble, draft.format)
    changed = dataclasses.replace(draft, preamble=preamble)
    return refused(changed, "source", octets, None)


def transport(draft: Draft) -> Draft:
    """Announce datagrams in front of a stream."""
    source, destination = draft.preamble.source, draft.preamble.destination
    kinds = {
        Transport.TCP4: Transport.UDP4,
        Transport.TCP6: Transport.UDP6,
        Transport.UNIX: Transport.UNIX_DGRAM,
    }
    addressed(draft)
    datagrams = Preamble(
        source=source,
        destination=destination,
        transport=kinds[draft.preamble.transport],
        tlvs=draft.preamble.tlvs,
    )
    return refused(draft, "transport", encode(datagrams, draft.format), None)


def local(draft: Draft) -> Draft:
    """Name no client: LOCAL, or UNKNOWN."""
    if draft.format == "proxy1":
        preamble = Preamble(transport=Transport.UNKNOWN)
    else:
        preamble = Preamble.local()
    octets = encode(preamble, draft.format)
    return dataclasses.replace(draft, preamble=preamble, octets=octets, verdict="local")
