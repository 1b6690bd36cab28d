"""The node side: what a reception decides is what happens to the connection."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from sslmagic import wire
from sslmagic.decoder import decode
from sslmagic.preamble import Command, Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.limits import Limits
from sslmagic.relay.receiver import Node
from sslmagic.tlv import TLV
from sslmagic.trust import Trust
from sslmagic.wire import fields
from sslmagic.wire.parts import Literal
from tests.sslmagic.relay.harness import (
    HELLO,
    Backend,
    Build,
    Running,
    gateway,
    is_closed,
    receive,
    reset,
    rest,
)
from tests.sslmagic.wire.layouts import layout

LOOPBACK = Trust(peers=["127.0.0.0/8", "::1"], formats=wire.FORMATS)
CLIENT = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))


def node(
    backend: Backend,
    trust: Trust = LOOPBACK,
    *,
    limits: Limits | None = None,
    **more: Any,
) -> Build:
    return lambda worker: Node(
        worker, limits or Limits(), [backend.address], trust, **more
    )


@pytest.mark.parametrize("format", wire.FORMATS)
@pytest.mark.parametrize("piecewise", [False, True], ids=["whole", "by octet"])
def test_the_preamble_is_taken_off(format: str, piecewise: bool) -> None:
    octets = wire.encode(CLIENT, format) + b"hello"
    with Backend() as backend, Running(node(backend)) as relay:
        with relay.client() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in (
                [octets[n : n + 1] for n in range(len(octets))]
                if piecewise
                else [octets]
            ):
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            with backend.accept() as server:
                assert rest(server) == b"hello"
                server.sendall(b"welcome")
                server.close()
                assert rest(client) == b"welcome"


@pytest.mark.parametrize("speak", wire.FORMATS)
@pytest.mark.parametrize("format", wire.FORMATS)
def test_the_preamble_is_said_again(format: str, speak: str) -> None:
    with Backend() as backend, Running(node(backend, speak=speak)) as relay:
        with relay.client(wire.encode(CLIENT, format) + HELLO) as client:
            with backend.accept() as server:
                client.shutdown(socket.SHUT_WR)
                preamble, octets = decode(rest(server), speak)
                assert preamble.source == CLIENT.source
                assert preamble.destination == CLIENT.destination
                assert octets == HELLO


@pytest.mark.parametrize("speak", ["magic", "proxy2"])
def test_local_stays_local(speak: str) -> None:
    with Backend() as backend, Running(node(backend, speak=speak)) as relay:
        with relay.client(wire.encode(Preamble.local(), "magic") + b"x") as client:
            with backend.accept() as server:
                client.shutdown(socket.SHUT_WR)
                preamble, octets = decode(rest(server), speak)
                assert preamble.command is Command.LOCAL
                assert octets == b"x"


def test_a_direct_peer_is_announced_itself() -> None:
    trust = Trust(direct=["127.0.0.0/8"])
    with Backend() as backend, Running(node(backend, trust, speak="magic")) as relay:
        with relay.client(b"x") as client, backend.accept() as server:
            client.shutdown(socket.SHUT_WR)
            preamble, octets = decode(rest(server), "magic")
            assert preamble.source == Endpoint(*client.getsockname())
            assert preamble.destination == Endpoint(*relay.name)
            assert octets == b"x"


@pytest.mark.parametrize("speak", ["plain", "magic"])
def test_no_octet_of_a_direct_peer_is_a_preamble(speak: str) -> None:
    """A server behind that takes preambles as well must not get this one."""
    trust = Trust(direct=["127.0.0.0/8"])
    with Backend() as backend, Running(node(backend, trust, speak=speak)) as relay:
        with relay.client(wire.encode(CLIENT, "magic")) as client:
            assert is_closed(client)
            relay.until(refused_nested=1)


def test_a_server_that_speaks_first_is_heard() -> None:
    with Backend() as backend, Running(node(backend)) as relay:
        with relay.client(wire.encode(CLIENT, "magic")) as client:
            with backend.accept() as server:
                server.sendall(b"220 ready\r\n")
                assert receive(client, 11) == b"220 ready\r\n"
                client.sendall(b"QUIT\r\n")
                assert receive(server, 6) == b"QUIT\r\n"


def test_a_direct_peer_of_a_server_that_speaks_first_is_served() -> None:
    trust = Trust(others="direct")
    with Backend() as backend, Running(node(backend, trust)) as relay:
        with relay.client() as client, backend.accept() as server:
            server.sendall(b"220 ready\r\n")
            assert receive(client, 11) == b"220 ready\r\n"


def test_a_peer_that_ends_behind_its_preamble_hears_the_server() -> None:
    with Backend() as backend, Running(node(backend)) as relay:
        with relay.client(wire.encode(CLIENT, "magic")) as client:
            client.shutdown(socket.SHUT_WR)
            with backend.accept() as server:
                assert rest(server) == b""
                server.sendall(b"220 ready\r\n")
                server.close()
                assert rest(client) == b"220 ready\r\n"
                relay.until(closed=1)


NESTED = {format: wire.encode(CLIENT, format) for format in wire.FORMATS}


@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("protocol", ["stream", "ssl"])
@pytest.mark.parametrize("split", [0, 1, 5], ids=["together", "1 later", "5 later"])
def test_a_preamble_behind_the_preamble_is_refused(
    nested: bytes, protocol: str, split: int
) -> None:
    """Held back while it may be one, and never handed to the server behind."""
    octets = wire.encode(CLIENT, "magic") + nested
    cut = len(octets) - len(nested) + split if split else len(octets)
    with Backend() as backend:
        with Running(node(backend, protocol=protocol)) as relay:
            with relay.client(octets[:cut]) as client:
                if split:
                    relay.until(accepted=1)
                    with contextlib.suppress(ConnectionError):
                        client.sendall(octets[cut:])
                assert is_closed(client)
                reason = "hello" if protocol == "ssl" else "nested"
                relay.until(**{f"refused_{reason}": 1})
            backend.socket.settimeout(0.05)
            with contextlib.suppress(TimeoutError), backend.accept() as server:
                with contextlib.suppress(ConnectionResetError):
                    assert rest(server) == b""


def test_what_is_held_back_goes_out_when_it_turns_out_to_be_harmless() -> None:
    with Backend() as backend, Running(node(backend)) as relay:
        with relay.client(wire.encode(CLIENT, "magic") + b"PRO") as client:
            with backend.accept() as server:
                server.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    server.recv(1)
                server.settimeout(10)
                client.sendall(b"OF")
                assert receive(server, 5) == b"PROOF"
                client.sendall(b"PROXY TCP4 later is the stream's own affair")
                assert receive(server, 5) == b"PROXY"


def test_what_is_held_back_goes_out_with_the_end() -> None:
    with Backend() as backend, Running(node(backend)) as relay:
        with relay.client(wire.encode(CLIENT, "magic") + b"\r\n") as client:
            client.shutdown(socket.SHUT_WR)
            with backend.accept() as server:
                assert rest(server) == b"\r\n"


def test_a_reset_while_octets_are_held_back_is_passed_on() -> None:
    with Backend() as backend, Running(node(backend)) as relay:
        client = relay.client(wire.encode(CLIENT, "magic") + b"P")
        with backend.accept() as server:
            reset(client)
            with pytest.raises(ConnectionResetError):
                server.recv(1)
            relay.until(client_reset=1)


def test_an_idle_pair_under_guard_is_closed() -> None:
    limits = Limits(timeout=0.2)
    with Backend() as backend, Running(node(backend, limits=limits)) as relay:
        with relay.client(wire.encode(CLIENT, "magic")) as client, backend.accept():
            assert is_closed(client)
            relay.until(idle=1)


def test_on_ssl_a_hello_follows_the_preamble() -> None:
    with Backend() as backend, Running(node(backend, protocol="ssl")) as relay:
        preamble = wire.encode(CLIENT, "magic")
        with relay.client(preamble) as client:
            for index in range(len(HELLO)):
                client.sendall(HELLO[index : index + 1])
            with backend.accept() as server:
                assert receive(server, len(HELLO)) == HELLO
        with relay.client(preamble + b"GET /") as client:
            assert is_closed(client)
            relay.until(refused_hello=1)


def test_on_ssl_a_hello_that_does_not_come_is_not_waited_for_for_ever() -> None:
    limits = Limits(connect_timeout=0.2)
    build_arguments: dict[str, Any] = {"protocol": "ssl", "limits": limits}
    with Backend() as backend, Running(node(backend, **build_arguments)) as relay:
        with relay.client(wire.encode(CLIENT, "magic") + HELLO[:3]) as client:
            assert is_closed(client)
            relay.until(connect_timeout=1)


REFUSED = {
    "format": b"GET / HTTP/1.1\r\n\r\n",
    "version": bytes.fromhex("cd0303000c4d4147492111000000"),
    "source": wire.encode(
        Preamble(source=("127.0.0.1", 1), destination=("127.0.0.1", 2)), "magic"
    ),
    "transport": wire.encode(
        Preamble(
            source=("203.0.113.9", 1),
            destination=("127.0.0.1", 2),
            transport=Transport.UDP4,
        ),
        "proxy2",
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_believed_is_closed_without_an_octet(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = Trust(peers=["198.51.100.0/24"], formats=wire.FORMATS)
    with Backend() as backend, Running(node(backend, trust)) as relay:
        original = Node.accepted
        monkeypatch.setattr(
            Node,
            "accepted",
            lambda self, client, _, local: original(
                self, client, ("198.51.100.7", 7), local
            ),
        )
        with relay.client(REFUSED[reason]) as client:
            assert is_closed(client)
            relay.until(**{f"refused_{reason}": 1})
            assert f"refused 198.51.100.7:7: {reason}" in relay.said()
            assert "joined" not in relay.counts()


def test_who_may_not_connect_is_closed_at_once() -> None:
    trust = Trust(peers=["198.51.100.0/24"])
    with Backend() as backend, Running(node(backend, trust)) as relay:
        with relay.client(wire.encode(CLIENT, "magic")) as client:
            assert is_closed(client)
            relay.until(refused_peer=1)


def test_a_preamble_that_the_format_behind_cannot_say_is_refused() -> None:
    unix = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))
    trust = Trust(peers=["127.0.0.0/8"], unix_sources=True)
    with Backend() as backend, Running(node(backend, trust, speak="proxy1")) as relay:
        with relay.client(wire.encode(unix, "magic") + b"x") as client:
            assert is_closed(client)
            relay.until(refused_transport=1)
            backend.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                backend.socket.accept()


def test_a_destination_that_nobody_said_is_not_made_up() -> None:
    source = fields.Address(of="source")
    port = fields.Port(of="source", width=2)
    bare = layout("bare", (Literal(b"A"), source, port))
    trust = Trust(peers=["127.0.0.0/8"], formats=[bare])
    octets = bytes.fromhex("41cb007109c822") + b"x"
    with Backend() as backend, Running(node(backend, trust, speak="magic")) as relay:
        with relay.client(octets) as client:
            assert is_closed(client)
            relay.until(refused_address=1)
            assert "joined" not in relay.counts()


def test_a_preamble_that_becomes_too_long_is_refused() -> None:
    """A sender of MAGIC makes 536 octets at most; a receiver of PROXY v2 takes 4096."""
    long = Preamble(
        source=("203.0.113.9", 51234),
        destination=("198.51.100.2", 443),
        tlvs=[TLV(0xE7, bytes(600))],
    )
    with Backend() as backend, Running(node(backend, speak="magic")) as relay:
        with relay.client(wire.encode(long, "proxy2") + b"x") as client:
            assert is_closed(client)
            relay.until(refused_oversize=1)
            assert "joined" not in relay.counts()


@pytest.mark.parametrize("first", [b"", b"\xcd", b"\xcd\x03\x03\0\x13MAGI"])
def test_who_sends_too_little_leaves_by_the_deadline(first: bytes) -> None:
    with Backend() as backend, Running(node(backend, deadline=0.3)) as relay:
        began = time.monotonic()
        with relay.client(first) as client:
            assert is_closed(client)
        assert 0.2 < time.monotonic() - began < 3
        relay.until(refused_timeout=1)


def test_a_peer_that_drips_leaves_by_the_same_deadline() -> None:
    octets = wire.encode(CLIENT, "magic")
    with Backend() as backend, Running(node(backend, deadline=0.4)) as relay:
        with relay.client() as client:
            client.settimeout(0.06)
            began = time.monotonic()
            with contextlib.suppress(ConnectionError):
                for index in range(len(octets)):
                    client.sendall(octets[index : index + 1])
                    try:
                        if client.recv(1) == b"":
                            break
                    except TimeoutError:
                        continue
            assert time.monotonic() - began < 1.2
            relay.until(refused_timeout=1)


def test_too_many_who_wait_are_refused_and_nobody_else() -> None:
    with Backend() as backend, contextlib.ExitStack() as stack:
        # Deferring, so that a preamble that comes with its connection need not wait.
        build = node(backend, waiting=2)
        relay = stack.enter_context(Running(build, defer=True))
        for _ in range(2):
            stack.enter_context(relay.client(b"\xcd"))
        relay.when(lambda: relay.server.live == 2)
        with relay.client(b"\xcd") as third:
            assert is_closed(third)
            relay.until(refused_waiting=1)
        with relay.client(wire.encode(CLIENT, "magic") + b"x"):
            with backend.accept() as server:
                assert receive(server, 1) == b"x"


@pytest.mark.parametrize("first", [b"", b"\xcd\x03"])
def test_a_peer_that_ends_before_its_preamble_is_refused(first: bytes) -> None:
    with Backend() as backend, Running(node(backend)) as relay:
        with relay.client(first) as client:
            client.shutdown(socket.SHUT_WR)
            assert is_closed(client)
            relay.until(refused_truncated=1)


def test_a_peer_that_resets_before_its_preamble_is_counted() -> None:
    with Backend() as backend, Running(node(backend)) as relay:
        client = relay.client(b"\xcd")
        relay.when(lambda: relay.server.live == 1)
        reset(client)
        relay.until(refused_reset=1)


def test_peers_on_a_unix_socket(tmp_path: Path) -> None:
    path = UnixEndpoint(str(tmp_path / "listen"))
    with Backend() as backend:
        with Running(node(backend, Trust(peers=["unix"])), listen=path) as relay:
            with relay.client(wire.encode(CLIENT, "magic") + b"x"):
                with backend.accept() as server:
                    assert receive(server, 1) == b"x"


def test_an_ipv6_peer() -> None:
    with Backend(socket.AF_INET6) as backend:
        with Running(node(backend), listen=Endpoint("::1", 0)) as relay:
            with relay.client(wire.encode(CLIENT, "magic") + b"x"):
                with backend.accept() as server:
                    assert receive(server, 1) == b"x"


def test_a_gateway_and_a_node_in_a_row() -> None:
    """The client's address survives both, whatever is spoken in between."""
    with Backend() as backend, Running(node(backend, speak="proxy1")) as behind:
        address = Address.of(Endpoint(*behind.name))
        build = gateway(address, protocol="ssl", enhance="magic")
        with Running(build) as front, front.client(HELLO) as client:
            with backend.accept() as server:
                client.shutdown(socket.SHUT_WR)
                preamble, octets = decode(rest(server), "proxy1")
                assert preamble.source == Endpoint(*client.getsockname())
                assert octets == HELLO


def test_tlvs_of_the_client_survive_and_those_of_the_hop_do_not() -> None:
    said = Preamble(
        source=("203.0.113.9", 51234),
        destination=("198.51.100.2", 443),
        tlvs=[TLV(2, b"shop.example"), TLV(4, b"\0\0"), TLV(0xE7, b"ours")],
    )
    octets = wire.encode(said, "proxy2", crc32c=True)
    with Backend() as backend, Running(node(backend, speak="magic")) as relay:
        with relay.client(octets + b"x") as client, backend.accept() as server:
            client.shutdown(socket.SHUT_WR)
            preamble, _ = decode(rest(server), "magic")
            assert preamble.tlvs == (TLV(2, b"shop.example"), TLV(0xE7, b"ours"))
