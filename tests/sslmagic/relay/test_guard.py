"""The guard holds no more than a signature, and only while it may be one."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from sslmagic import wire
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.relay.guard import Guard
from sslmagic.relay.limits import Limits
from sslmagic.relay.pair import ClientEnd
from sslmagic.relay.receiver import Node
from sslmagic.trust import Trust
from tests.sslmagic.relay.harness import (
    LOCALHOST,
    PATIENCE,
    Backend,
    Running,
    is_closed,
    receive,
    rest,
)

CLIENT = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
OCTETS = wire.encode(CLIENT, "magic")
TRUST = Trust(peers=["127.0.0.1", "unix"])


def node(backend: Backend, *, listen: Endpoint | UnixEndpoint = LOCALHOST) -> Running:
    return Running(
        lambda worker: Node(worker, Limits(), [backend.address], TRUST), listen=listen
    )


def guarded(relay: Running) -> bool:
    return any(type(each) is Guard for each in relay.worker.loop.handlers())


@pytest.mark.parametrize("length", range(1, wire.LONGEST_SIGNATURE))
def test_the_beginning_of_a_signature_is_held_octet_by_octet(length: int) -> None:
    begun = wire.proxy2.SIGNATURE[:length]
    with Backend() as backend, node(backend) as relay, relay.client(OCTETS) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with backend.accept() as server:
            relay.until(joined=1)
            for index in range(length):
                client.sendall(begun[index : index + 1])
            client.sendall(b"!" + bytes(100_000))
            assert receive(server, length + 100_001) == begun + b"!" + bytes(100_000)


def test_it_leaves_when_the_octets_are_judged() -> None:
    with Backend() as backend, node(backend) as relay, relay.client(OCTETS) as client:
        with backend.accept() as server:

            def owners() -> set[type]:
                return {type(each) for each in relay.worker.loop.handlers()}

            relay.when(lambda: Guard in owners())
            client.sendall(b"hello")
            assert receive(server, 5) == b"hello"
            relay.when(lambda: Guard not in owners() and ClientEnd in owners())


def test_it_reads_nothing_once_it_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is called once more in a round in which an event made it leave already."""
    ready = Guard.ready
    left, sent = threading.Event(), threading.Event()

    def once_more(guard: Guard, mask: int) -> None:
        ready(guard, mask)
        if not guarded(relay):
            left.set()
            assert sent.wait(PATIENCE)
            ready(guard, 0)

    monkeypatch.setattr(Guard, "ready", once_more)
    with Backend() as backend, node(backend) as relay, relay.client(OCTETS) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with backend.accept() as server:
            relay.until(joined=1)
            client.sendall(b"hell")
            assert left.wait(PATIENCE)
            client.sendall(b"o")
            client.shutdown(socket.SHUT_WR)
            sent.set()
            assert rest(server) == b"hello"


def test_a_server_that_talks_is_not_held_up_by_octets_that_are() -> None:
    """Back-pressure towards the client works while the guard owns its descriptor."""
    size = 16 << 20
    with Backend() as backend, node(backend) as relay, relay.client(OCTETS) as client:
        client.sendall(b"PROX")
        with backend.accept() as server:
            server.settimeout(0.2)
            sent = 0
            with pytest.raises(TimeoutError):
                while sent < 4 * size:
                    sent += server.send(bytes(65536))
            server.settimeout(20)
            server.shutdown(socket.SHUT_WR)
            received = 0
            while octets := client.recv(1 << 20):
                received += len(octets)
            assert received == sent
            client.sendall(b"IES")
            assert receive(server, 7) == b"PROXIES"


def test_a_server_that_resets_ends_the_client_whose_octets_are_held() -> None:
    with Backend() as backend, node(backend) as relay, relay.client(OCTETS) as client:
        client.sendall(b"PROX")
        with backend.accept() as server:
            relay.until(joined=1)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert is_closed(client)
        relay.until(node_reset=1)


def test_a_worker_that_ends_takes_the_guarded_along() -> None:
    with Backend() as backend:
        with node(backend) as relay, relay.client(OCTETS) as client, backend.accept():
            relay.until(joined=1)
            relay.call(relay.worker.loop.abort)
            assert is_closed(client)
            relay.until(aborted=1)


def test_a_preamble_behind_the_preamble_is_refused_on_a_unix_socket(
    tmp_path: Path,
) -> None:
    """spec.md section 5.3: a read of a UNIX socket is never known to be the last."""
    path = UnixEndpoint(str(tmp_path / "node"))
    with Backend() as backend, node(backend, listen=path) as relay:
        with relay.client(OCTETS) as client, backend.accept() as server:
            relay.when(lambda: guarded(relay))
            client.sendall(OCTETS + b"hello")
            assert is_closed(client)
            relay.until(refused_nested=1)
            with pytest.raises(ConnectionResetError):
                server.recv(1)


@pytest.mark.parametrize(
    ("first", "rest", "refused"),
    [
        (b"", OCTETS + b"hello", True),
        (OCTETS[:5], OCTETS[5:], True),
        (b"PROX", b"IES", False),
    ],
)
def test_octets_are_judged_when_both_sides_have_ended(
    first: bytes, rest: bytes, *, refused: bool
) -> None:
    """spec.md section 5.3, where the kernel tells one hang-up and no more."""
    with Backend() as backend, node(backend) as relay:
        with relay.client(OCTETS + first) as client, backend.accept() as server:
            relay.when(lambda: guarded(relay))
            server.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
            # Corked, so that octets and FIN come in one segment.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            client.sendall(rest)
            client.shutdown(socket.SHUT_WR)
            if refused:
                relay.until(refused_nested=1)
                with pytest.raises(ConnectionResetError):
                    server.recv(1)
            else:
                assert receive(server, 7) == first + rest
                assert server.recv(1) == b""
                relay.until(closed=1)
