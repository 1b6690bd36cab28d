"""cheroot: both of its servers, its TLS adapters, its command."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import cheroot.cli
import cheroot.server
import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.servers.cheroot import HTTPServer, Server, main
from sslmagic.servers.entrance import Entrance
from tests.interop.client import RefusedError
from tests.interop.peers import Port, Process
from tests.interop.serving.cheroot import VARIANTS
from tests.interop.serving.place import Place
from tests.interop.serving.variant import serving
from tests.interop.serving.wsgi_app import app
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    ended,
    open_descriptors,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import FORGED, Rule, Running, asked, kept_by
from tests.sslmagic.servers.gateway import Gateway, started

COMMAND = [sys.executable, "-m", "sslmagic.servers.cheroot"]
ENTRANCE = Entrance(LOOPBACK)


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize("kind", [HTTPServer, Server])
def test_many_may_connect_while_it_shakes_hands_with_one(kind: Any) -> None:
    """The kernel queues them; what it drops asks again after a second."""
    what: Any = app if kind is Server else Gateway
    server = kind(("127.0.0.1", 0), what, entrance=ENTRANCE)
    server.prepare()
    try:
        for _ in range(64):
            socket.create_connection(server.bind_addr, timeout=0.9).close()
    finally:
        server.stop()


def test_the_queue_may_be_as_short_as_it_is_told() -> None:
    server = Server(("127.0.0.1", 0), app, entrance=ENTRANCE, request_queue_size=7)
    assert server.request_queue_size == 7


def test_a_second_address_has_what_was_set_of_the_first() -> None:
    port = Port()
    entrance = Entrance(LOOPBACK, direct_listen=str(port))
    server = Server(("127.0.0.1", 0), app, entrance=entrance, numthreads=1)
    server.max_request_header_size = 40
    try:
        with started(server):
            with pytest.raises(RefusedError, match="413"):
                asked(port.address, b"", request=FORGED)
    finally:
        port.close()


def test_an_application_that_exits_ends_all_of_it() -> None:
    def exiting(environ: dict[str, Any], start_response: Any) -> Any:
        raise SystemExit(3)

    port = Port()
    entrance = Entrance(LOOPBACK, direct_listen=str(port))
    server = Server(("127.0.0.1", 0), exiting, entrance=entrance, numthreads=1)
    try:
        server.prepare()
        with socket.create_connection(port.address, PATIENCE) as stream:
            stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with pytest.raises(SystemExit):
                server.serve()
    finally:
        port.close()


def test_an_address_in_use_stops_what_has_started() -> None:
    port = Port()
    with port._held as held:
        held.listen()
        entrance = Entrance(LOOPBACK, direct_listen=str(port))
        server = Server(("127.0.0.1", 0), app, entrance=entrance)
        before = threading.active_count()
        with pytest.raises(OSError, match="in use"):
            server.prepare()
    assert server.ready is False
    assert threading.active_count() == before


def test_the_file_of_a_second_address_goes_with_its_server(tmp_path: Path) -> None:
    path = tmp_path / "direct.sock"
    entrance = Entrance(LOOPBACK, direct_listen=f"unix:{path}")
    before = settled_descriptors()
    one = Server(("127.0.0.1", 0), app, entrance=entrance)
    one.prepare()
    assert path.is_socket()
    one.stop()
    assert not path.exists()
    assert open_descriptors() == before


def test_half_a_preamble_keeps_nobody_waiting() -> None:
    """accept() would, for the second that cheroot gives it."""
    with started(Server(("127.0.0.1", 0), app, entrance=ENTRANCE)) as server:
        assert server.socket.gettimeout() == 0


def test_what_systemd_has_bound_goes_through_a_listener() -> None:
    server = Server(("127.0.0.1", 0), app, entrance=ENTRANCE)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        address = bound.getsockname()
        server.socket = bound
    listener: Any = server.socket
    with listener:
        assert listener.getsockname() == address
        assert listener.trust is LOOPBACK


def test_systemds_socket_serves_beside_a_second_address(tmp_path: Path) -> None:
    """cheroot takes descriptor 3 where LISTEN_PID is set, for every server it has.

    The second address must not: nobody needs to be trusted there.
    """
    port, second, stranger = Port(), Port(), "127.0.0.9"
    path = tmp_path / "second.sock"
    place = Place(
        peers=("127.0.0.1",), direct_listen=(str(second), f"unix:{path}")
    ).text()
    script = (
        "import os, socket, sys\n"
        "bound = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "os.dup2(bound.fileno(), 3)\n"
        "os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "from tests.interop.serving.launch import main\n"
        "main('cheroot', sys.argv[2])\n"
    )
    command = [sys.executable, "-c", script, str(port.number), place]
    with Process(command, log=tmp_path / "log", ports=[port, second]):
        assert asked(port.address)["client"] == list(CLIENT)
        assert asked(second.address, b"")["client"][0] == "127.0.0.1"
        assert asked(path, b"")["preamble"] is False
        # Any of the servers might take it, if several accepted there.
        for _ in range(20):
            with socket.create_connection(
                port.address, PATIENCE, source_address=(stranger, 0)
            ) as stream:
                stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert ended(stream)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("server.HTTPServer", "ConnectionClass"),
        ("server.HTTPServer", "bind_socket"),
        ("server.HTTPConnection", "RequestHandlerClass"),
        ("server.HTTPRequest", "read_request_headers"),
    ],
)
def test_a_cheroot_that_has_changed_is_refused(
    owner: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(f"cheroot.{owner}.{name}")
    with pytest.raises(ConfigurationError, match=name):
        HTTPServer(("127.0.0.1", 0), Gateway, entrance=ENTRANCE)


def test_no_environ_goes_past_its_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "0")])
        return []

    server = Server(("127.0.0.1", 0), trusting, entrance=ENTRANCE)
    introduction = server.gateway.__mro__[1]
    monkeypatch.delattr(introduction, "get_environ")  # as if it were called otherwise
    with (
        started(server),
        socket.create_connection(server.bind_addr, PATIENCE) as stream,
    ):
        stream.sendall(OCTETS + FORGED)
        assert b" 500 " in stream.recv(65536)


def test_it_ends_when_interrupted(tmp_path: Path) -> None:
    second = Port()
    place = Place(direct_listen=(str(second),))
    with serving(VARIANTS[0], place, directory=tmp_path) as server:
        asked(server)
        os.kill(server.process.pid, signal.SIGINT)
        server.process.until_said("KeyboardInterrupt")
        assert server.process._popen.wait(PATIENCE) in (1, -signal.SIGINT, 130)
    second.close()


def test_the_command_takes_its_own_options(tmp_path: Path) -> None:
    port, second = Port(), Port()
    path = "tests.interop.serving.wsgi_app:app"
    options = [path, "--bind", str(port), "--threads=2", "--server-name", "shop"]
    ours = ["--trust", "127.0.0.0/8", "--direct-listen", str(second)]
    command = [*COMMAND, *options, *ours]
    with Process(command, log=tmp_path / "log", ports=[port, second]):
        assert asked(port.address, request=FORGED)["client"] == list(CLIENT)
        assert asked(second.address, b"", request=FORGED)["client"][0] == "127.0.0.1"
        with socket.create_connection(port.address, PATIENCE) as stream:
            stream.sendall(OCTETS + b"GET / HTTP/1.0\r\n\r\n")
            said = b"".join(iter(lambda: stream.recv(65536), b""))
    assert b"Server: shop\r\n" in said


def test_the_command_serves_a_gateway(tmp_path: Path) -> None:
    port = Port()
    path = "tests.sslmagic.servers.gateway:Gateway"
    options = [path, "--bind", str(port), "--threads=2", "--max-threads=3"]
    command = [*COMMAND, *options, "--trust", "127.0.0.0/8"]
    with Process(command, log=tmp_path / "log", ports=[port]):
        assert asked(port.address, request=FORGED)["client"] == list(CLIENT)


def test_the_command_knows_every_option_of_cheroots() -> None:
    """They are read from a private list: this says when it is gone or has changed."""
    known = vars(cheroot.cli)["_arg_spec"]
    assert set(known) >= {"_wsgi_app", "--bind", "--threads", "--max-threads"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--bind", "192.0.2.1:9"], 69, "192.0.2.1"),
        (["--nonsense"], 2, "nonsense"),
        (["--direct-listen", "nowhere"], 78, "direct_listen"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str],
    code: int,
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # cheroot adds to it
    path = "tests.interop.serving.wsgi_app:app"
    with pytest.raises(SystemExit) as ended:
        main([path, "--trust", "127.0.0.0/8", *words])
    assert ended.value.code == code
    assert said in capfd.readouterr().err
