"""`magic gateway`: what its command line says is what its nodes get."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sslmagic import wire
from sslmagic.decoder import decode
from sslmagic.preamble import Endpoint, UnixEndpoint
from tests.sslmagic.relay.harness import HELLO, Backend, client, is_closed, rest
from tests.sslmagic.relay.http.talk import GET, OK, head
from tests.sslmagic_cli.conftest import Ended
from tests.sslmagic_cli.relays import relay

Run = Callable[..., Ended]
LISTEN = ("--listen", "127.0.0.1:0")


@pytest.mark.parametrize("enhance", wire.FORMATS)
def test_a_node_gets_the_preamble_and_the_hello(enhance: str) -> None:
    with Backend() as backend:
        node = ("--node", str(backend.address), "--enhance", enhance)
        with relay("gateway", *LISTEN, *node, "--workers", "1") as running:
            with client(running.name, HELLO) as connection, backend.accept() as server:
                connection.shutdown(socket.SHUT_WR)
                preamble, octets = decode(rest(server), enhance)
                assert preamble.source == Endpoint(*connection.getsockname())
                assert preamble.destination == Endpoint(*running.name)
                assert octets == HELLO
            code, said = running.end()
            assert code == 0
            assert "joined=1" in said


def test_the_default_protocol_takes_hellos_only() -> None:
    with Backend() as backend:
        node = ("--node", str(backend.address), "--enhance", "magic")
        with relay("gateway", *LISTEN, *node) as running:
            with client(running.name, b"GET / HTTP/1.1\r\n\r\n") as connection:
                assert is_closed(connection)
            assert "refused_hello=1" in running.end()[1]


def test_several_listeners_and_every_family(tmp_path: Path) -> None:
    path = str(tmp_path / "listen")
    with Backend() as backend:
        arguments = ("--listen", ":0", "--listen", f"unix:{path}")
        node = ("--node", str(backend.address), "--enhance", "proxy2")
        with relay("gateway", *arguments, *node) as running:
            assert running.addresses[1] == f"unix:{path}"
            port = running.name[1]
            sources = []
            for name in (("127.0.0.1", port), ("::1", port), path):
                with client(name, HELLO) as connection, backend.accept() as server:
                    connection.shutdown(socket.SHUT_WR)
                    sources.append(decode(rest(server), "proxy2")[0].source)
            assert [getattr(source, "host", None) for source in sources] == [
                "127.0.0.1",
                "::1",
                None,
            ]
            assert sources[2] == UnixEndpoint("")
            assert running.end()[0] == 0
            assert not Path(path).exists()


def test_the_second_node_takes_over() -> None:
    with Backend() as gone, Backend() as backend:
        gone.socket.close()
        nodes = ("--node", str(gone.address), "--node", str(backend.address))
        with relay("gateway", *LISTEN, *nodes, "--enhance", "none") as running:
            with client(running.name, HELLO), backend.accept() as server:
                assert server.recv(100) == HELLO


def test_limits_are_options() -> None:
    with Backend() as backend:
        node = ("--node", str(backend.address), "--enhance", "none")
        limits = ("--connect-timeout", "0.2", "--timeout", "0.2")
        with relay("gateway", *LISTEN, *node, *limits, "--workers", "1") as running:
            with client(running.name) as silent:
                assert is_closed(silent)
            with client(running.name, HELLO) as idle, backend.accept():
                assert is_closed(idle)
            said = running.end()[1]
            assert "connect_timeout=1" in said
            assert "idle=1" in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "missing option"),
        (("--listen", "localhost:1"), 2, "localhost"),
        ((*LISTEN, "--node", ":443", "--enhance", "magic"), 2, "--node"),
        ((*LISTEN, "--node", "127.0.0.1:1", "--enhance", "proxy3"), 2, "proxy3"),
        (
            (*LISTEN, "--node", "127.0.0.1:1", "--enhance", "none", "--timeout", "-1"),
            2,
            "--timeout",
        ),
        ((*LISTEN, "--node", "127.0.0.1:0", "--enhance", "none"), 2, "port 0"),
        ((*LISTEN, "--node", "127.0.0.1:1", "--grace", "nan"), 2, "nan is no time"),
        ((*LISTEN, "--node", "127.0.0.1:1", "--grace", "inf"), 2, "--grace"),
        ((*LISTEN, "--node", "127.0.0.1:1", "--backlog", "9" * 10), 2, "--backlog"),
        ((*LISTEN, "--node", "127.0.0.1:1", "--workers", "9" * 9), 2, "--workers"),
        ((*LISTEN, "--node", "127.0.0.1:1"), 2, "missing option --enhance"),
        (
            (*LISTEN, "--node", "127.0.0.1:1", "--max-reply-time", "1"),
            2,
            "--max-reply-time is for --protocol http",
        ),
    ],
)
def test_a_command_line_that_makes_no_sense(
    run: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = run("gateway", *arguments)
    assert ended.code == code
    assert said in ended.complaint


@pytest.mark.parametrize("enhance", [(), ("--enhance", "proxy2")])
def test_http_names_the_client_in_every_request(enhance: tuple[str, ...]) -> None:
    with Backend() as backend:
        node = ("--node", str(backend.address), "--protocol", "http", *enhance)
        times = ("--keepalive-timeout", "0.2", "--max-reply-time", "5")
        with relay("gateway", *LISTEN, *node, *times) as running:
            with client(running.name, GET) as connection, backend.accept() as server:
                request = head(server)
                if enhance:
                    preamble, request = decode(request, "proxy2")
                    assert preamble.source == Endpoint(*connection.getsockname())
                assert b"\r\nX-Cluster-Client-Ip: 127.0.0.1\r\n" in request
                server.sendall(OK)
                assert rest(connection) == OK
            code, said = running.end()
            assert code == 0
            assert "keepalive_timeout=1" in said


def test_http_needs_its_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith("sslmagic.relay.http"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "h11", None)
    ended = run("gateway", *LISTEN, "--node", "127.0.0.1:1", "--protocol", "http")
    assert ended.code == 69
    assert ended.complaint == (
        "magic: --protocol http needs h11: pip install 'sslmagic[http]'"
    )


def test_an_address_that_cannot_be_had(run: Run, tmp_path: Path) -> None:
    node = ("--node", "127.0.0.1:1", "--enhance", "magic")
    with Backend() as taken:
        ended = run("gateway", "--listen", str(taken.address), *node)
        assert ended.code == 69
        assert f"cannot listen on {taken.address}: Address already" in ended.complaint
    path = f"unix:{tmp_path}/none/listen"
    ended = run("gateway", *LISTEN, "--listen", path, *node)
    assert ended.code == 73
    assert path in ended.complaint
    ended = run("gateway", "--listen", f"unix:/{'long' * 50}", *node)
    assert ended.code == 73
    assert ended.complaint.rstrip().endswith("AF_UNIX path too long")
