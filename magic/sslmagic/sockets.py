"""Blocking sockets: connections without their preamble, and whose they are."""

from __future__ import annotations

import math
import os
import select
import socket
import time
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, SSLSocket

from sslmagic.errors import (
    ConfigurationError,
    DecodeError,
    IncompleteError,
    ProofError,
    Reason,
    UntrustedError,
)
from sslmagic.listener import WAITING, Listener
from sslmagic.listener.connection import Connection, client_name, receive
from sslmagic.listener.peername import PeerName, peer_of
from sslmagic.reception import DEADLINE, Accepted, Reception, Refused, Verifier
from sslmagic.trust import Trust

__all__ = ["TLSListener", "listen", "secured", "strip"]

_ARRIVED = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET


def listen(
    address: tuple[str, int] | str | os.PathLike[str] | None = None,
    *,
    trust: Trust,
    ssl: SSLContext | None = None,
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    sock: socket.socket | None = None,
    backlog: int | None = None,
    reuse_port: bool = False,
    verifier: Verifier | None = None,
    limit: int | None = None,
) -> Listener:
    """Listen at *address*; accept() gives a connection and its client.

    Use it as a context manager, or close it. For a server that selects before it
    accepts, `socketserver` say, make it non-blocking: it is readable for those that it
    refuses as well, and a blocking accept() then waits for somebody else.

    Args:
        address: (host, port), a UNIX socket's path, or None beside *sock*. An IPv6 host
            listens on IPv6 alone.
        trust: which peers may speak for a client.
        ssl: with it accept() gives `ssl.SSLSocket`s that have not yet shaken hands:
            the first read or write of whoever uses the connection does, or his
            `do_handshake`.
        deadline: seconds that a connection has for its whole preamble.
        waiting: how many connections may wait for it at a time; beyond it the one
            that has waited longest is refused.
        sock: a bound socket to take over instead of making one.
        backlog: how many connections the kernel queues for accept; its own choice
            by default.
        reuse_port: let several processes listen on this port, and the kernel share the
            connections out.
        verifier: checks proofs; without one every proof is refused.
        limit: the longest preamble in octets; None for each format's own limit.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: the address cannot be had.
    """
    if ssl is not None and ssl.protocol == PROTOCOL_TLS_CLIENT:
        raise ConfigurationError("the context of ssl= is a client's")
    if sock is None:
        if address is None:
            raise ConfigurationError("neither an address nor a sock= to listen on")
        listening = _bound(address, reuse_port=reuse_port)
    elif address is None and not reuse_port:
        listening = sock
    else:
        raise ConfigurationError("sock= has its address and options already")
    try:
        if backlog is not None:
            listening.listen(backlog)
        elif not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listening.listen()
        if ssl is None:
            return Listener(
                listening,
                trust=trust,
                deadline=deadline,
                waiting=waiting,
                verifier=verifier,
                limit=limit,
            )
        return TLSListener(
            listening,
            ssl=ssl,
            trust=trust,
            deadline=deadline,
            waiting=waiting,
            verifier=verifier,
            limit=limit,
        )
    except BaseException:
        if sock is None:
            listening.close()
        raise


def strip(
    connection: socket.socket,
    *,
    trust: Trust,
    deadline: float = DEADLINE,
    verifier: Verifier | None = None,
    limit: int | None = None,
) -> PeerName:
    """Take the preamble off an accepted connection, and return its client.

    Not one octet behind the preamble is taken: TLS may start on the connection. It
    keeps its timeout, which does not count here.

    Args:
        connection: as accept() gave it, blocking or with a timeout.
        trust: which peers may speak for a client.
        deadline: seconds that the peer has for its whole preamble.
        verifier: checks proofs; without one every proof is refused.
        limit: the longest preamble in octets; None for each format's own limit.

    Raises:
        DecodeError: what the peer sent is no preamble. Close the connection.
        UntrustedError: the peer, or what it claims, is not believed. Close it.
        TimeoutError: the preamble was not whole by the deadline. Close it.
        OSError: the connection failed. Close it.
        ConfigurationError: the connection does not block, had its preamble taken off
            by a listener or speaks TLS already, or *deadline* is no time.
    """
    if isinstance(connection, Connection | SSLSocket):
        # Its peer name is what a preamble said, on which no trust may be decided; and
        # behind TLS it is no longer the gateway that speaks.
        raise ConfigurationError("the preamble stands first, and is off already")
    timeout = connection.gettimeout()
    if timeout == 0:
        raise ConfigurationError("the connection does not block: strip() would")
    if not 0 < deadline < math.inf:
        raise ConfigurationError(
            f"deadline={deadline!r}: more than 0 seconds, and not for ever"
        )
    address = connection.getpeername()
    reception = Reception(
        trust,
        peer_of(address),
        time.monotonic(),
        deadline=deadline,
        verifier=verifier,
        limit=limit,
    )
    connection.settimeout(None)
    try:
        outcome = reception.outcome or _received(connection, reception)
    finally:
        connection.settimeout(timeout)
    if isinstance(outcome, Refused):
        raise _error(outcome)
    return client_name(outcome, address)


class TLSListener(Listener):
    """A listener whose connections are `ssl.SSLSocket`s that have not shaken hands.

    Not for event loops: they do TLS themselves.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        ssl: SSLContext,
        trust: Trust,
        deadline: float = DEADLINE,
        waiting: int = WAITING,
        verifier: Verifier | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(
            sock,
            trust=trust,
            deadline=deadline,
            waiting=waiting,
            verifier=verifier,
            limit=limit,
        )
        self._context = ssl

    def prepared(self, connection: Connection) -> socket.socket | None:
        """Return the connection wrapped in TLS; None if it failed meanwhile."""
        try:
            return secured(connection, self._context, do_handshake_on_connect=False)
        except OSError:
            # wrap_socket() has emptied the connection, where it came so far.
            connection.close()
            return None


def secured(
    connection: Connection,
    context: SSLContext,
    *,
    do_handshake_on_connect: bool,
    suppress_ragged_eofs: bool = True,
) -> SSLSocket:
    """Return the connection wrapped in TLS, its client's name kept.

    Args:
        connection: emptied by this.
        context: a server's.
        do_handshake_on_connect: as `SSLContext.wrap_socket` takes it.
        suppress_ragged_eofs: this too.

    Raises:
        OSError: it failed meanwhile. Close the connection.
    """
    # What the peer has reset is not connected to wrap_socket(), which leaves it without
    # TLS; before and after, as it may happen in between.
    alive = socket.socket.getpeername
    alive(connection)
    wrapped = context.wrap_socket(
        connection,
        server_side=True,
        do_handshake_on_connect=do_handshake_on_connect,
        suppress_ragged_eofs=suppress_ragged_eofs,
    )
    try:
        alive(wrapped)
    except OSError:
        wrapped.close()
        raise
    # The context says of which class its sockets are, so the name is hung on this one.
    # The class could be changed, but the context is not ours.
    wrapped.getpeername = connection.getpeername  # type: ignore[method-assign]
    return wrapped


def _received(connection: socket.socket, reception: Reception) -> Accepted | Refused:
    now, events = time.monotonic(), 0
    outcome = receive(connection, reception, now)
    if outcome is not None:
        return outcome
    with select.epoll() as epoll:
        epoll.register(connection, _ARRIVED)
        while outcome is None:
            happened = epoll.poll(max(0, reception.deadline - now), 1)
            now = time.monotonic()
            if happened:
                ((_, events),) = happened
                outcome = receive(connection, reception, now, events)
            else:
                outcome = reception.expire(now)
    return outcome


def _error(refused: Refused) -> Exception:
    reason, said, offset = refused.reason, refused.detail, refused.offset
    if offset is not None:
        said = said.removesuffix(f" (at byte {offset})")
        if reason is Reason.TRUNCATED:
            return IncompleteError(said, offset=offset)
        return DecodeError(said, reason=reason, offset=offset)
    if reason is Reason.TIMEOUT:
        return TimeoutError(said)
    if reason is Reason.RESET:
        return ConnectionResetError(said)
    if reason is Reason.PROOF:
        return ProofError(said)
    return UntrustedError(said, reason=reason)


def _bound(
    address: tuple[str, int] | str | os.PathLike[str], *, reuse_port: bool
) -> socket.socket:
    if isinstance(address, tuple):
        family = socket.AF_INET
        if address[0]:
            family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server(address, family=family, reuse_port=reuse_port)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A server that ended leaves its socket behind; any other file stays.
        if (path := Path(address)).is_socket():
            path.unlink()
        listening.bind(os.fspath(address))
    except BaseException:
        listening.close()
        raise
    return listening
