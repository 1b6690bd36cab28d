"""`magic node`: what its command line says decides who is believed and what is said."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from sslmagic import wire
from sslmagic.decoder import decode
from sslmagic.preamble import Endpoint, Preamble
from tests.sslmagic.relay.harness import HELLO, Backend, client, is_closed, rest
from tests.sslmagic_cli.conftest import Ended
from tests.sslmagic_cli.relays import relay

Run = Callable[..., Ended]
LISTEN = ("--listen", "127.0.0.1:0", "--workers", "1")
CLIENT = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
NEAR = Preamble(source=("127.0.0.1", 51234), destination=("198.51.100.2", 443))


def test_magic_is_taken_off_by_default() -> None:
    with Backend() as backend:
        rest_of_it = ("--to", str(backend.address), "--trust", "127.0.0.1")
        with relay("node", *LISTEN, *rest_of_it) as running:
            octets = wire.encode(CLIENT, "magic") + HELLO
            with client(running.name, octets) as peer, backend.accept() as server:
                peer.shutdown(socket.SHUT_WR)
                assert rest(server) == HELLO
            with client(running.name, wire.encode(CLIENT, "proxy2") + HELLO) as peer:
                assert is_closed(peer)
            code, said = running.end()
            assert code == 0
            assert "refused_format=1" in said


@pytest.mark.parametrize("speak", wire.FORMATS)
def test_what_is_accepted_is_said_again(speak: str) -> None:
    with Backend() as backend:
        options = ("--accept", "proxy1", "--accept", "proxy2", "--as", speak)
        to = ("--to", str(backend.address), "--trust", "127.0.0.0/8")
        with relay("node", *LISTEN, *to, *options) as running:
            for format in ("proxy1", "proxy2"):
                octets = wire.encode(CLIENT, format) + HELLO
                with client(running.name, octets) as peer, backend.accept() as server:
                    peer.shutdown(socket.SHUT_WR)
                    preamble, behind = decode(rest(server), speak)
                    assert preamble.source == CLIENT.source
                    assert behind == HELLO


@pytest.mark.parametrize(
    "who", [("--direct", "127.0.0.1"), ("--others", "direct")], ids=["direct", "others"]
)
def test_direct_clients_are_announced_themselves(who: tuple[str, str]) -> None:
    with Backend() as backend:
        to = (
            "--to",
            str(backend.address),
            "--trust",
            "203.0.113.0/24",
            "--as",
            "magic",
        )
        with relay("node", *LISTEN, *to, *who) as running:
            with client(running.name, HELLO) as peer, backend.accept() as server:
                peer.shutdown(socket.SHUT_WR)
                preamble, octets = decode(rest(server), "magic")
                assert preamble.source == Endpoint(*peer.getsockname())
                assert octets == HELLO


def test_everybody_else_is_refused() -> None:
    with Backend() as backend:
        to = ("--to", str(backend.address), "--trust", "203.0.113.0/24")
        with relay("node", *LISTEN, *to) as running:
            with client(running.name, wire.encode(CLIENT, "magic")) as peer:
                assert is_closed(peer)
            assert "refused_peer=1" in running.end()[1]


def test_a_loopback_source_from_a_peer_on_loopback_is_believed() -> None:
    with Backend() as backend:
        to = ("--to", str(backend.address), "--trust", "127.0.0.1")
        with relay("node", *LISTEN, *to, "--allow-loopback-source") as running:
            octets = wire.encode(NEAR, "magic") + HELLO
            with client(running.name, octets) as peer, backend.accept() as server:
                peer.shutdown(socket.SHUT_WR)
                assert rest(server) == HELLO


def test_ssl_demands_a_hello_behind_the_preamble() -> None:
    with Backend() as backend:
        to = ("--to", str(backend.address), "--trust", "127.0.0.1", "--protocol", "ssl")
        with relay("node", *LISTEN, *to) as running:
            with client(running.name, wire.encode(CLIENT, "magic") + b"GET /") as peer:
                assert is_closed(peer)
            assert "refused_hello=1" in running.end()[1]


def test_the_deadline_is_an_option() -> None:
    with Backend() as backend:
        to = ("--to", str(backend.address), "--trust", "127.0.0.1", "--deadline", "0.2")
        with relay("node", *LISTEN, *to) as running:
            with client(running.name, b"\xcd") as peer:
                assert is_closed(peer)
            assert "refused_timeout=1" in running.end()[1]


@pytest.mark.parametrize(
    ("trust", "code", "said"),
    [
        (("0.0.0.0/0",), 78, "anybody could claim any address"),
        (("10.0.0.1/8",), 2, "host bits"),
        (("10.0.0.0/8", "--direct", "10.0.0.0/8"), 78, "both trusted and direct"),
        (("10.0.0.0/8", "--deadline", "soon"), 2, "'soon' is not a number"),
        (("10.0.0.0/8", "--waiting", "few"), 2, "'few' is not a whole number"),
        ((), 2, "--trust"),
    ],
)
def test_trust_that_makes_no_sense_is_refused(
    run: Run, trust: tuple[str, ...], code: int, said: str
) -> None:
    named = ("--trust", *trust) if trust else ()
    ended = run("node", *LISTEN, "--to", "127.0.0.1:1", *named)
    assert ended.code == code
    assert said in ended.complaint


def test_anyone_must_be_said() -> None:
    with Backend() as backend:
        to = ("--to", str(backend.address), "--trust", "0.0.0.0/0", "--anyone")
        with relay("node", *LISTEN, *to) as running:
            octets = wire.encode(CLIENT, "magic") + HELLO
            with client(running.name, octets), backend.accept() as server:
                assert server.recv(100) == HELLO
