"""websockets in threads: whoever is slow has a thread to himself, and nothing stays."""

from __future__ import annotations

import contextlib
import gc
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.http11 import Request
from websockets.sync.server import Server, ServerConnection, basic_auth

from sslmagic import Preamble, UnixEndpoint, encode
from sslmagic.errors import ConfigurationError
from sslmagic.listener import listeners
from sslmagic.servers import websockets_sync
from sslmagic.servers.websockets_sync import serve, unix_serve
from tests.interop.authority import Authority
from tests.interop.peers import Address, Port
from tests.interop.serving.place import Place
from tests.interop.serving.variant import serving
from tests.interop.serving.websockets import VARIANTS, said
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    ended,
    listening,
    open_descriptors,
    reset,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import Rule, Running, asked, kept_by
from tests.sslmagic.servers.upgrade import told

(VARIANT,) = (variant for variant in VARIANTS if variant.name == "websockets-sync")


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """No thread, no descriptor and no listener of a server that has shut down."""
    if "running" in request.fixturenames:
        # The server is another process, and stays for the next test.
        yield
        return
    gc.collect()
    descriptors, threads = settled_descriptors(), threading.active_count()
    yield
    # websockets leaves its selectors to the garbage collector.
    gc.collect()
    assert listeners() == ()
    assert threading.active_count() == threads
    assert open_descriptors() == descriptors


def handler(connection: ServerConnection) -> None:
    connection.send(said(connection))
    for _ in connection:
        pass


@contextlib.contextmanager
def served(server: Server) -> Iterator[Address]:
    """The server in a thread, and its address."""
    thread = threading.Thread(target=server.serve_forever)
    name = server.socket.getsockname()
    thread.start()
    try:
        with server:
            yield name
    finally:
        thread.join(PATIENCE)
    assert not thread.is_alive()


@kept_by(VARIANT)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


def test_tls_that_is_silent_keeps_nobody_waiting(authority: Authority) -> None:
    server = serve(
        handler,
        "127.0.0.1",
        0,
        trust=LOOPBACK,
        ssl=authority.server(),
        open_timeout=1.0,
    )
    with served(server) as address:
        silent = [socket.create_connection(address, PATIENCE) for _ in range(20)]
        half = OCTETS + b"\x16\x03\x01\x02\x00\x01"
        for number, stream in enumerate(silent):
            stream.sendall(OCTETS if number % 2 else half)
        assert told(address, authority=authority)["client"] == list(CLIENT)
        assert len(server.handler_threads) >= 20
        for stream in silent:
            assert ended(stream)
            stream.close()


def test_tls_that_fails_disturbs_nobody(authority: Authority) -> None:
    server = serve(handler, "127.0.0.1", 0, trust=LOOPBACK, ssl=authority.server())
    with served(server) as address:
        for octets in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01", b""):
            for _ in range(5):
                stream = socket.create_connection(address, PATIENCE)
                stream.sendall(OCTETS + octets)
                reset(stream)
        assert told(address, authority=authority)["client"] == list(CLIENT)


def test_who_has_not_said_for_whom_is_gone_by_the_deadline() -> None:
    server = serve(handler, "127.0.0.1", 0, trust=LOOPBACK, deadline=0.2)
    with (
        served(server) as address,
        socket.create_connection(address, PATIENCE) as silent,
        socket.create_connection(address, PATIENCE) as half,
    ):
        half.sendall(OCTETS[:9])
        assert ended(silent)
        assert ended(half)
        assert server.handler_threads == set()
        assert told(address)["client"] == list(CLIENT)


def test_shutting_down_ends_what_waits(authority: Authority) -> None:
    server = serve(handler, "127.0.0.1", 0, trust=LOOPBACK, deadline=60)
    with served(server) as address:
        silent = socket.create_connection(address, PATIENCE)
        half = socket.create_connection(address, PATIENCE)
        half.sendall(OCTETS[:9])
        assert told(address)["client"] == list(CLIENT)
    # Who has not said an octet waits in the kernel, which tells him when he does.
    silent.sendall(OCTETS[:1])
    for stream in (silent, half):
        assert ended(stream)
        stream.close()


def test_a_socket_with_a_timeout_serves_on() -> None:
    sock = listening()
    sock.settimeout(0.01)
    with served(serve(handler, sock=sock, trust=LOOPBACK)) as address:
        for _ in range(2):
            with socket.create_connection(address, PATIENCE) as stream:
                # Readable and nothing to accept, for longer than the timeout.
                stream.sendall(OCTETS[:9])
                assert not select.select([stream], [], [], 0.05)[0]
        assert told(address)["client"] == list(CLIENT)


def test_a_unix_socket_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    named = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))
    for octets, client in (
        (OCTETS, list(CLIENT)),
        (encode(named, "magic"), "/a"),
        (encode(Preamble.local(), "magic"), ""),
    ):
        with served(unix_serve(handler, path, trust=LOOPBACK, backlog=7)):
            answer = told(path, octets)
            assert answer["client"] == client
            assert answer["claims"] == []
        assert not path.exists()


def test_the_file_of_a_second_address_goes_with_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ended = tmp_path / "direct.sock", websockets_sync._end

    def until_told(servers: list[Server]) -> None:
        assert path.is_socket()
        for server in servers:
            ended(server)

    monkeypatch.setattr(websockets_sync, "_until_told", until_told)
    websockets_sync.run(
        handler, "127.0.0.1", 0, trust=LOOPBACK, direct_listen=f"unix:{path}"
    )
    assert not path.exists()


def test_what_cannot_be_had_leaves_nothing_open(tmp_path: Path) -> None:
    path, port = tmp_path / "server.sock", Port()
    with port._held as held:
        held.listen()
        with pytest.raises(OSError, match="in use"):
            serve(handler, *port.address, trust=LOOPBACK)
        with pytest.raises(OSError, match="in use"):
            websockets_sync.run(
                handler, path=path, trust=LOOPBACK, direct_listen=str(port)
            )
    with pytest.raises(ConfigurationError, match="deadline"):
        unix_serve(handler, path, trust=LOOPBACK, deadline=0)
    with pytest.raises(ConfigurationError, match="and a path"):
        websockets_sync.run(
            handler, "", path=path, trust=LOOPBACK, direct_listen="127.0.0.1:0"
        )
    with pytest.raises(TypeError, match="nonsense"):
        serve(handler, "127.0.0.1", 0, trust=LOOPBACK, nonsense=1)
    with pytest.raises(ValueError, match="compression"):
        serve(handler, "127.0.0.1", 0, trust=LOOPBACK, compression="none")
    with listening() as sock, pytest.raises(ConfigurationError, match="sock="):
        serve(handler, "127.0.0.1", sock=sock, trust=LOOPBACK)
    assert not path.exists()


def test_a_second_address_that_fails_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, calls = tmp_path / "server.sock", 0

    def serves(*words: Any, **options: Any) -> Server:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError("as the test says")
        return serve(*words, **options)

    monkeypatch.setattr(websockets_sync, "serve", serves)
    with pytest.raises(OSError, match="as the test says"):
        websockets_sync.run(
            handler,
            path=path,
            trust=LOOPBACK,
            direct_listen=["127.0.0.1:0", "127.0.0.1:0"],
        )
    assert calls == 3
    assert not path.exists()


def test_websockets_own_options_are_its_own(authority: Authority) -> None:
    seen: list[Any] = []

    class Connection(ServerConnection):
        pass

    check = basic_auth(credentials=("alice", "secret"))

    def process_request(connection: Any, request: Request) -> Any:
        seen.append((type(connection), "X-Forwarded-For" in request.headers))
        return check(connection, request)

    server = serve(
        handler,
        "127.0.0.1",
        0,
        trust=LOOPBACK,
        ssl=authority.server(),
        process_request=process_request,
        create_connection=Connection,
        server_header=None,
        family=socket.AF_INET,
        backlog=7,
    )
    assert type(server) is Server
    fields = [("X-Forwarded-For", "::6"), ("Authorization", "Basic YWxpY2U6c2VjcmV0")]
    with served(server) as address:
        answer = told(address, authority=authority, claims=fields)
        assert answer["client"] == list(CLIENT)
        with pytest.raises(Exception, match="401"):
            told(address, authority=authority)
    assert seen == [(Connection, False)] * 2


def test_the_second_address_has_tls_as_well(
    tmp_path: Path, authority: Authority
) -> None:
    second = Port()
    place = Place(uds=str(tmp_path / "server.sock"), direct_listen=(str(second),))
    with serving(VARIANT, place, directory=tmp_path, authority=authority) as server:
        answer = asked(second.address, b"", authority=authority)
        assert answer["preamble"] is False
        assert told(server.address, authority=authority)["client"] == list(CLIENT)
        assert server.process.end() == 0
    second.close()
    assert not Path(str(server.address)).exists()
