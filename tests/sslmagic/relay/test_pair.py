"""Two connections joined: octets, ends, resets, pressure and time."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import sys
import termios
import threading
from collections.abc import Iterator

import pytest

from sslmagic.relay.limits import Limits
from sslmagic.relay.pair import End
from tests.sslmagic.relay.harness import (
    Backend,
    Running,
    gateway,
    is_closed,
    receive,
    reset,
    rest,
)

MIB = 1 << 20


@contextlib.contextmanager
def joined(
    limits: Limits | None = None,
) -> Iterator[tuple[Running, socket.socket, socket.socket]]:
    """Give a relay, a client of it, and that client's connection at the node."""
    with (
        Backend() as backend,
        Running(gateway(backend.address, limits=limits)) as relay,
    ):
        with relay.client(b"!") as client, backend.accept() as node:
            assert receive(node, 1) == b"!"
            yield relay, client, node


def unsent(connection: socket.socket) -> int:
    """Return how many octets the kernel has sent and not seen acknowledged."""
    answer = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def pump(source: socket.socket, octets: bytes) -> threading.Thread:
    """Send in a thread, and say that it is all."""

    def send() -> None:
        source.sendall(octets)
        source.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize("upwards", [True, False], ids=["up", "down"])
def test_64_mib_arrive_as_they_were_sent(upwards: bool) -> None:
    octets = os.urandom(64 * MIB)
    with joined() as (relay, client, node):
        source, target = (client, node) if upwards else (node, client)
        thread = pump(source, octets)
        digest = hashlib.sha256()
        while piece := target.recv(MIB):
            digest.update(piece)
        thread.join()
        assert digest.digest() == hashlib.sha256(octets).digest()
        target.close()
        relay.until(closed=1)
        total = relay.counters.total()
        moved = total["octets_up"] if upwards else total["octets_down"]
        assert moved == len(octets) + upwards


def test_both_directions_at_once_stay_apart() -> None:
    up, down = os.urandom(8 * MIB), os.urandom(8 * MIB)
    with joined() as (_, client, node):
        threads = [pump(client, up), pump(node, down)]
        received: dict[str, bytes] = {}
        reader = threading.Thread(target=lambda: received.update(up=rest(node)))
        reader.start()
        assert rest(client) == down
        reader.join()
        assert received["up"] == up
        for thread in threads:
            thread.join()


def test_single_octets_arrive_in_order() -> None:
    octets = bytes(range(256)) * 4
    with joined() as (_, client, node):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        node.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((client, node), (node, client)):
            for index in range(len(octets)):
                source.sendall(octets[index : index + 1])
            assert receive(target, len(octets)) == octets


def test_a_client_that_ends_still_gets_its_answer() -> None:
    with joined() as (relay, client, node):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert rest(node) == b"question"
        node.sendall(b"answer")
        assert receive(client, 6) == b"answer"
        node.close()
        assert rest(client) == b""
        relay.until(closed=1)


def test_a_node_that_ends_still_hears_its_client() -> None:
    with joined() as (relay, client, node):
        node.sendall(b"greeting")
        node.shutdown(socket.SHUT_WR)
        assert rest(client) == b"greeting"
        client.sendall(b"reply")
        assert receive(node, 5) == b"reply"
        client.close()
        assert rest(node) == b""
        relay.until(closed=1)


@pytest.mark.parametrize("by_client", [True, False], ids=["client", "node"])
def test_a_reset_is_passed_on(by_client: bool) -> None:
    with joined() as (relay, client, node):
        first, second = (client, node) if by_client else (node, client)
        reset(first)
        with pytest.raises(ConnectionResetError):
            second.recv(1)
        relay.until(**{"client_reset" if by_client else "node_reset": 1})


def test_a_client_that_ends_and_then_resets_is_passed_on() -> None:
    with joined() as (relay, client, node):
        client.shutdown(socket.SHUT_WR)
        assert node.recv(1) == b""
        reset(client)
        relay.until(client_reset=1)
        # Linux calls it EPIPE where a FIN came before the RST.
        with pytest.raises(ConnectionError):
            while True:
                node.sendall(b"nobody hears this")


def test_what_came_before_a_reset_arrives() -> None:
    with joined() as (relay, client, node):
        node.sendall(b"last words")
        assert receive(client, 10) == b"last words"
        reset(node)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        relay.until(node_reset=1)


def test_an_early_answer_reaches_a_client_that_goes_on_sending() -> None:
    """The node answers, closes, and resets what the client still sends to it."""
    answer = os.urandom(MIB)
    with joined() as (relay, client, node):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        node.sendall(answer)
        # A reset destroys what its own sender has not sent yet.
        relay.when(lambda: unsent(node) == 0)
        node.close()
        with contextlib.suppress(ConnectionError):
            # More than all buffers hold, so that the node's reset is surely met.
            client.sendall(bytes(4 * MIB))
        assert rest(client) == answer
        client.close()
        relay.until(node_reset=1)
        assert relay.server.live == 0


def test_a_node_that_resets_in_the_middle_of_an_upload_is_no_end() -> None:
    """A reset that a write of ours is told of must not look like a FIN."""
    with joined() as (relay, client, node):
        node.sendall(b"half an answ")
        assert receive(client, 12) == b"half an answ"
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            while True:
                client.sendall(bytes(65536))
        client.settimeout(20)
        reset(node)
        with pytest.raises(ConnectionError):
            rest(client)
        relay.until(node_reset=1)


def test_a_client_that_never_stops_sending_to_nobody_is_reset() -> None:
    with joined() as (relay, client, node):
        relay.server.lingering.seconds = 0.2
        node.sendall(b"no")
        node.close()
        with pytest.raises(ConnectionError):
            while True:
                client.sendall(bytes(65536))
        relay.until(node_reset=1)


@pytest.mark.parametrize("upwards", [True, False], ids=["up", "down"])
def test_a_slow_reader_slows_its_sender_down(upwards: bool) -> None:
    """What nobody reads stays with the sender: buffers of the relay are bounded."""
    with joined() as (relay, client, node):
        source, target = (client, node) if upwards else (node, client)
        for end in (source, target):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        source.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                sent += source.send(bytes(65536))
        ends = [end for end in relay.worker.loop.handlers() if isinstance(end, End)]
        assert len(ends) == 2
        assert all(len(end.pending) <= 65536 for end in ends)
        assert all(end.pipe is None or end.pipe.filled <= MIB for end in ends)
        source.settimeout(20)
        source.shutdown(socket.SHUT_WR)
        received = 0
        while piece := target.recv(MIB):
            received += len(piece)
        assert received == sent


def test_octets_behind_urgent_ones_do_not_wait() -> None:
    """A read stops at the urgent mark, which must not be taken for the end."""
    with joined() as (_, client, node):
        client.sendall(b"before")
        client.send(b"!", socket.MSG_OOB)
        client.sendall(b"after")
        client.shutdown(socket.SHUT_WR)
        assert rest(node) == b"beforeafter"


def test_an_idle_pair_is_closed() -> None:
    with joined(Limits(timeout=0.2)) as (relay, client, node):
        assert is_closed(client)
        assert is_closed(node)
        relay.until(idle=1)


def test_a_busy_pair_is_not_idle() -> None:
    with joined(Limits(timeout=0.5)) as (relay, client, node):
        for _ in range(400):
            client.sendall(b"x")
            assert receive(node, 1) == b"x"
            relay.when(lambda: True)
        assert relay.counts().get("idle", 0) == 0


def test_a_pair_ends_when_its_duration_is_over() -> None:
    with joined(Limits(max_transaction_duration=0.2)) as (relay, client, node):
        assert is_closed(client)
        assert is_closed(node)
        relay.until(duration=1)


def test_pipes_are_given_back() -> None:
    octets = os.urandom(4 * MIB)
    with joined(Limits(timeout=30)) as (relay, client, node):
        thread = pump(client, octets)
        assert rest(node) == octets
        thread.join()
        node.close()
        relay.until(closed=1)
        assert relay.server.pipes.lent == 0
