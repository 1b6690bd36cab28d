"""An accepted connection: its octets moved into a reception, its client as peer name.

    socket ──see, then take──▶ Reception      the preamble, taken off the stream
    socket ──see and leave───▶ Reception      the octets behind it that a proof covers

No octet is taken that is not the preamble's, so that any TLS stack can take the socket
over afterwards (spec.md section 5.4).
"""

from __future__ import annotations

import select
import socket

from sslmagic.errors import Reason
from sslmagic.listener.peername import PeerName, SocketAddress, peer_name, plain_name
from sslmagic.reception import Accepted, Reception, Refused

__all__ = ["Connection", "client_name", "receive"]

_GLANCE = 536
"""Octets seen at a time: what a sender's preamble has at most by default."""
_NOW = socket.MSG_DONTWAIT
_LEAVE = socket.MSG_PEEK | socket.MSG_DONTWAIT
_ENDED = select.EPOLLRDHUP | select.EPOLLHUP


class Connection(socket.socket):
    """A socket whose `getpeername` is its client's name."""

    __slots__ = ("peer_name",)

    peer_name: PeerName
    """The client, with `.preamble` on it."""

    def getpeername(self) -> PeerName:
        """Return the client's name; not that of the gateway, which TCP knows."""
        return self.peer_name

    def dup(self) -> Connection:
        """Return a second descriptor of the same connection, and its client's name."""
        duplicate = super().dup()
        duplicate.peer_name = self.peer_name
        return duplicate


def client_name(accepted: Accepted, address: SocketAddress) -> PeerName:
    """Return the peer name of a connection that the kernel calls *address*."""
    if accepted.preamble is None:
        return plain_name(address)
    return peer_name(accepted.client, accepted.preamble, accepted.peer)


def receive(
    connection: socket.socket, reception: Reception, now: float, events: int = 0
) -> Accepted | Refused | None:
    """Move what has arrived into *reception*, without waiting; return its outcome.

    None means that more must arrive. Until it does the descriptor stays quiet for an
    edge-triggered watcher, however many octets are left in it: SO_RCVLOWAT is as high
    as `Reception.peek` until there is an outcome.

    Args:
        connection: blocking or not, but without a timeout of its own.
        reception: without octets of any other connection.
        now: seconds on the reception's clock.
        events: what epoll said of the connection: while octets are left in it, no read
            tells that the peer has ended or failed.
    """
    quiet = reception.peek
    try:
        while reception.outcome is None:
            if (peek := reception.peek) == 0:
                if not _take(connection, reception, now):
                    why = "what was there to be seen was not there to be taken"
                    return Refused(reception.peer, Reason.RESET, why)
                continue
            octets = connection.recv(peek, _LEAVE)
            if len(octets) == peek:
                reception.look(octets, now)
            elif events & select.EPOLLERR:
                reception.reset(now)
            elif not octets or events & _ENDED:
                reception.close(now)
            else:
                if quiet != peek:
                    quiet = peek
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, peek)
                break
    except BlockingIOError:
        pass
    except OSError:
        reception.reset(now)
    if quiet and reception.outcome is not None:
        _restore(connection)
    return reception.outcome


def _take(connection: socket.socket, reception: Reception, now: float) -> bool:
    # To see first and take afterwards feeds a whole preamble in one piece, where to
    # take only what is wanted feeds it in two or three: a third of the work in all.
    seen = connection.recv(_GLANCE, _LEAVE)
    if not seen:
        reception.close(now)
        return True
    reception.feed(seen, now)
    if isinstance(reception.outcome, Refused):
        return True
    preamble = seen[: len(seen) - len(reception.rest)]
    try:
        return connection.recv(len(preamble), _NOW) == preamble
    except OSError:
        # Whatever the outcome is by now, it does not hold for what is still there.
        return False


def _restore(connection: socket.socket) -> None:
    # Or the reader that takes over would wait for as many octets as the proof covers.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
