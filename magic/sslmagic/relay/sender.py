"""The gateway: says who the client is in front of what the client says.

    client --> | first octets | --> | preamble | first octets | --> node

Both go out in one write, so that no node ever sees one without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sslmagic.relay.address import Address, SocketAddress
from sslmagic.relay.announce import announce
from sslmagic.relay.passthrough import Arrival, Passthrough

if TYPE_CHECKING:
    from sslmagic.relay.limits import Limits
    from sslmagic.relay.pair import ClientEnd
    from sslmagic.relay.worker import Worker

__all__ = ["Gateway"]


class Gateway(Passthrough):
    """A passthrough virtual server whose pool has `ssl_enhance`.

    Args:
        worker: the worker that it runs in.
        limits: how long and how much.
        nodes: where to connect, round robin.
        protocol: what a client's first octets must be: ssl or client_first.
        enhance: the format of the preamble; none to send nothing in front.
    """

    def __init__(
        self,
        worker: Worker,
        limits: Limits,
        nodes: Sequence[Address],
        *,
        protocol: str = "ssl",
        enhance: str = "magic",
    ) -> None:
        super().__init__(worker, limits, nodes, protocol)
        self.enhance = enhance

    def accepted(
        self, client: ClientEnd, name: SocketAddress, local: SocketAddress
    ) -> None:
        """Read what the client sent with its connection, and go on from there."""
        _Client(self, client, name, local).read()


class _Client(Arrival[Gateway]):
    """One client of a gateway."""

    def announce(self) -> bytes:
        """Return the preamble."""
        enhance = self.server.enhance
        if enhance == "none":
            return b""
        return announce(self.name, self.local, enhance)
