"""Memory per idle connection: thousands of clients, half-way through a request."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.gateway.processes import Server, until
from benchmarks.tables import Table, rounded

__all__ = ["Idle", "hold", "table"]

_HALF = b"GET / HTTP/1.1\r\nHost: benchmark\r\n"
_REST = b"Connection: close\r\n\r\n"
_BATCH = 250
"""Connections opened before the proxy is given time to catch up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What idle connections cost."""

    connections: int
    octets: float
    """Proportional set size per connection; what the kernel holds is not in it."""


def hold(proxy: Server, *, connections: int) -> Idle:
    """Open *connections*, leave each half-way, and end them all with an answer.

    Raises:
        RuntimeError: a connection was not answered in the end.
    """
    before, descriptors = proxy.pss, proxy.descriptors
    with contextlib.ExitStack() as open_ones:
        clients: list[socket.socket] = []
        while len(clients) < connections:
            for _ in range(min(_BATCH, connections - len(clients))):
                client = socket.create_connection((proxy.host, proxy.port), timeout=15)
                clients.append(open_ones.enter_context(client))
                client.sendall(_HALF)
            # One descriptor for the client and one for the node.
            expected = descriptors + 2 * len(clients)
            until(
                lambda: proxy.descriptors >= expected,  # noqa: B023 - called at once
                f"{len(clients)} connections pass",
            )
        octets = (proxy.pss - before) / connections
        for client in clients:
            client.sendall(_REST)
        for client in clients:
            if not client.recv(65536).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("an idle connection was not answered")
    return Idle(connections=connections, octets=octets)


def table(servers: Mapping[str, Server], *, connections: int) -> Table:
    """Fill one server after the other; the first is compared with each."""
    held = {
        name: hold(server, connections=connections) for name, server in servers.items()
    }
    ours = next(iter(held.values())).octets
    return Table(
        title=f"Memory per idle connection, {connections} of them",
        columns=("proxy", "octets", "ours / this"),
        rows=[
            [name, rounded(idle.octets), f"{ours / idle.octets:.2f}"]
            for name, idle in held.items()
        ],
        notes=(
            "PSS of all the proxy's processes, after less before; each client has sent"
            " half a request's head, which went on to the backend behind the preamble",
            "every connection is answered in the end; the kernel's own memory is not"
            " in it, and two sockets in all cases",
        ),
        figures={name: idle.octets for name, idle in held.items()},
    )
