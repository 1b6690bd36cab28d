"""Which connections somebody wants to see."""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
from collections.abc import Iterable

from sslmagic.capture.connection import Connection
from sslmagic.capture.verdict import Verdict
from sslmagic.preamble import Endpoint, UnixEndpoint

__all__ = ["Selection"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a connection must be; of several values one is enough, of a field each."""

    verdicts: frozenset[Verdict] = frozenset()
    clients: tuple[str, ...] = ()
    """Networks of the client that is believed."""
    peers: tuple[str, ...] = ()
    """Networks of the peer."""
    listeners: tuple[Endpoint, ...] = ()
    """Where it was connected to; any address with the host "", any port with 0."""
    server_names: tuple[str, ...] = ()
    """Patterns with ``*`` and ``?`` of the name that TLS asks for, in any case."""
    formats: frozenset[str] = frozenset()
    """Of the preamble; ``none`` for those without."""
    faults: bool = False
    """Only faults, and what is in order and the listener turned down."""
    since: int | None = None
    """Opened then or later; nanoseconds since 1970."""
    until: int | None = None
    """Opened before."""

    def matches(self, connection: Connection) -> bool:
        """Return whether *connection* is wanted."""
        conversation = connection.conversation
        if self.faults and not connection.is_fault and connection.rebuff is None:
            return False
        if self.verdicts and connection.verdict not in self.verdicts:
            return False
        if self.formats and (connection.format or "none") not in self.formats:
            return False
        if self.since is not None and conversation.opened < self.since:
            return False
        if self.until is not None and conversation.opened >= self.until:
            return False
        if self.peers and not _within(conversation.peer, self.peers):
            return False
        if self.clients and not _within(connection.client, self.clients):
            return False
        if self.listeners and not _is_one(conversation.listener, self.listeners):
            return False
        return not self.server_names or _named(connection, self.server_names)


def _within(endpoint: Endpoint | UnixEndpoint | None, networks: Iterable[str]) -> bool:
    if endpoint is None:
        return False
    if isinstance(endpoint, UnixEndpoint):
        return "unix" in networks
    address = ipaddress.ip_address(endpoint.host.partition("%")[0])
    return any(
        address in ipaddress.ip_network(network)
        for network in networks
        if network != "unix"
    )


def _is_one(listener: Endpoint, wanted: Iterable[Endpoint]) -> bool:
    return any(
        one.host in ("", listener.host) and one.port in (0, listener.port)
        for one in wanted
    )


def _named(connection: Connection, patterns: Iterable[str]) -> bool:
    name = connection.tls.server_name if connection.tls else None
    if name is None:
        return False
    return any(
        fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns
    )
