"""Who takes part in a crafted connection: the client, the gateway and the node."""

from __future__ import annotations

from typing import Any

import click

from sslmagic.block import Endpoint, UnixEndpoint
from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV

__all__ = ["ends"]

_PEER = {"4": Endpoint("192.0.2.2", 40112), "6": Endpoint("2001:db8:b::2", 40112)}
_LISTENER = {"4": Endpoint("192.0.2.10", 8443), "6": Endpoint("2001:db8:b::10", 8443)}
_CLIENT = {"4": Endpoint("203.0.113.9", 51234), "6": Endpoint("2001:db8:c::9", 51234)}
_SERVER = {"4": Endpoint("198.51.100.2", 443), "6": Endpoint("2001:db8:f::2", 443)}
"""Who takes part if nobody is named: addresses for documentation."""


def ends(words: dict[str, Any]) -> tuple[Preamble, Endpoint, Endpoint]:
    """Return what the preamble says, the peer, and the listener.

    Raises:
        click.UsageError: the options contradict each other.
    """
    source: Endpoint | UnixEndpoint | None = words["source"]
    destination: Endpoint | UnixEndpoint | None = words["destination"]
    tlvs: tuple[TLV, ...] = words["tlvs"]
    if words["local"]:
        if source or destination:
            raise click.UsageError("--local names no --source and no --destination")
        preamble = Preamble.local(tlvs)
    else:
        family = _family(source or destination, ipv6=words["ipv6"])
        if isinstance(source or destination, UnixEndpoint):
            source = source or UnixEndpoint("")
            destination = destination or UnixEndpoint("")
        preamble = Preamble(
            source=source or _CLIENT[family],
            destination=destination or _SERVER[family],
            tlvs=tlvs,
        )
    peer, listener = words["peer"], words["listener"]
    if isinstance(peer, UnixEndpoint) or isinstance(listener, UnixEndpoint):
        raise click.UsageError("packets have IP addresses: --peer and --listener too")
    family = _family(peer or listener, ipv6=words["ipv6"])
    pair = peer or _PEER[family], listener or _LISTENER[family]
    if (":" in pair[0].host) != (":" in pair[1].host):
        raise click.UsageError(f"{pair[0]} and {pair[1]} speak no common IP")
    return preamble, *pair


def _family(named: Endpoint | UnixEndpoint | None, *, ipv6: bool) -> str:
    if isinstance(named, Endpoint):
        return "6" if ":" in named.host else "4"
    return "6" if ipv6 else "4"
