"""socketserver: servers of one's own, addresses of every kind, and who prints what."""

from __future__ import annotations

import select
import socket
import socketserver
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from sslmagic import Preamble, Trust, UnixEndpoint, encode
from sslmagic.errors import ConfigurationError
from sslmagic.servers.socketserver import Threads, receive, run
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Address, Port
from tests.interop.serving.answer import answer
from tests.interop.serving.standard import VARIANTS
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    ended,
    open_descriptors,
    reset,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import LOCAL, Rule, Running, asked, kept_by
from tests.sslmagic.servers.inprocess import interrupted, served

(VARIANT,) = (variant for variant in VARIANTS if variant.name == "socketserver")

SOURCE = UnixEndpoint("/run/client")
FROM_UNIX = encode(Preamble(source=SOURCE, destination=UnixEndpoint("/run/app")))


class Handler(socketserver.StreamRequestHandler):
    """Says whom it sees, or fails as the first line asks for."""

    def handle(self) -> None:
        line = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        if b"/mistake" in line:
            raise ValueError("as the test says")
        if b"/missing" in line:
            Path("/nowhere/at/all").read_bytes()
        if b"/gone" in line:
            self.until_client_is_gone()
        if b"/refused" in line:
            socket.create_connection(("127.0.0.1", 1))
        if b"/tls" in line:
            near, far = socket.socketpair()
            with near, far:
                near.sendall(b"this is no TLS")
                ssl.create_default_context().wrap_socket(far, server_hostname="a")
        if b"/waits" in line:
            self.rfile.readline()
        name: Any = self.client_address
        body = answer(name, name.preamble, name.peer)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n%b" % body)

    def until_client_is_gone(self) -> None:
        poll = select.poll()
        poll.register(self.connection, 0)
        assert poll.poll(PATIENCE * 1000)


class Server(Threads, socketserver.TCPServer):
    """As `run` makes one."""


class IPv6Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.0\r\n\r\n".encode()


@kept_by(VARIANT)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize(
    ("kind", "host"),
    [
        (socketserver.TCPServer, "127.0.0.1"),
        (socketserver.ThreadingTCPServer, "127.0.0.1"),
        (socketserver.ForkingTCPServer, "127.0.0.1"),
        (IPv6Server, "::1"),
    ],
)
def test_a_server_of_ones_own_has_clients(kind: Any, host: str) -> None:
    server = kind((host, 0), Handler)
    with served(receive(server, trust=LOOPBACK)):
        address: Address = server.server_address[:2]
        assert asked(address)["client"] == list(CLIENT)
        nobody = asked(address, LOCAL)
    assert nobody["client"] == ["", 0]
    assert nobody["preamble"] is True


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_one_request_is_waited_for(timeout: float | None) -> None:
    """`handle_request` selects as long as its socket's timeout says."""
    late: list[bool] = []

    class Late(socketserver.TCPServer):
        def handle_timeout(self) -> None:
            late.append(True)

    with Late(("127.0.0.1", 0), Handler) as server:
        server.socket.settimeout(timeout)
        receive(server, trust=LOOPBACK)
        assert server.socket.gettimeout() == timeout
        answers: list[Any] = []

        def ask() -> None:
            answers.append(asked(("127.0.0.1", server.server_address[1])))

        asking = threading.Thread(target=ask)
        asking.start()
        while asking.is_alive() and not late:
            server.handle_request()
            if not answers:
                # It has a millisecond or less left, or a part of a preamble more.
                asking.join(0.01)
        asking.join(PATIENCE)
        assert not late
        assert answers[0]["client"] == list(CLIENT)
        server.socket.settimeout(0.01)
        server.handle_request()
        assert late
        server.socket.setblocking(False)
        assert server.socket.gettimeout() == 0


def test_what_a_server_does_with_its_connections_it_does() -> None:
    class Patient(Server):
        def get_request(self) -> Any:
            connection, name = super().get_request()
            connection.settimeout(PATIENCE)
            names.append(name)
            return connection, name

    class Noting(Handler):
        def setup(self) -> None:
            timeouts.append(self.request.gettimeout())
            super().setup()

    names: list[Any] = []
    timeouts: list[float | None] = []
    server = Patient(("127.0.0.1", 0), Noting)
    with served(receive(server, trust=LOOPBACK)):
        address = ("127.0.0.1", server.server_address[1])
        assert asked(address)["client"] == list(CLIENT)
        assert asked(address, LOCAL)["client"] == ["", 0]
    assert names == [CLIENT, ("", 0)]
    assert timeouts == [PATIENCE] * 2


@pytest.mark.parametrize(
    ("before", "client"),
    [(OCTETS, list(CLIENT)), (LOCAL, ""), (FROM_UNIX, SOURCE.path)],
    ids=["client", "nobody", "unix"],
)
def test_a_unix_server_of_ones_own_has_clients_of_any_kind(
    tmp_path: Path, before: bytes, client: Any
) -> None:
    path = tmp_path / "server.sock"
    server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
    with served(receive(server, trust=LOOPBACK)):
        said = asked(path, before)
    assert said["client"] == client
    assert said["peer"] == str(UnixEndpoint(""))


def test_a_server_of_ones_own_has_tls(authority: Authority) -> None:
    server = socketserver.TCPServer(("127.0.0.1", 0), Handler)
    with served(receive(server, trust=LOOPBACK, ssl=authority.server())):
        said = asked(("127.0.0.1", server.server_address[1]), authority=authority)
    assert said["client"] == list(CLIENT)


@pytest.mark.parametrize("make", [socketserver.ThreadingTCPServer, Server])
def test_second_addresses_are_of_any_family_whatever_the_server_is(
    make: Any, tmp_path: Path
) -> None:
    four, six, path = Port(), Port("::1"), tmp_path / "direct.sock"
    second = [str(four), str(six), f"unix:{path}"]

    def client(address: Address) -> list[dict[str, Any]]:
        direct = [asked(place, b"") for place in (four.address, six.address, path)]
        return [asked(address), *direct]

    def serve(made: Any) -> None:
        run(
            Handler,
            ("127.0.0.1", 0),
            trust=LOOPBACK,
            server_class=made,
            direct_listen=second,
        )

    first, *direct = interrupted(serve, client, make)
    four.close()
    six.close()
    assert not path.exists()
    assert first["client"] == list(CLIENT)
    assert [one["client"][0] for one in direct] == ["127.0.0.1", "::1", ""]
    assert [one["preamble"] for one in direct] == [False] * 3


@pytest.mark.parametrize(
    ("host", "asks"),
    [
        ("", ["127.0.0.1"]),
        ("::", ["127.0.0.1", "::1"]),
        ("::1", ["::1"]),
        ("localhost", ["127.0.0.1"]),
    ],
)
def test_a_host_says_which_family_it_is(host: str, asks: list[str]) -> None:
    if host == "localhost":
        asks = [str(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4][0])]
    server = Server((host, 0), Handler)
    trust = Trust(peers=["127.0.0.0/8", "::1"])
    with served(receive(server, trust=trust)):
        port = server.server_address[1]
        for each in asks:
            assert asked((each, port))["client"] == list(CLIENT)
        if host == "::1":
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), PATIENCE)


def test_a_unix_socket_is_there_as_long_as_its_server(tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with served(receive(Server(str(path), Handler), trust=LOOPBACK)):
        assert asked(path)["client"] == list(CLIENT)
        with pytest.raises(OSError, match=r"cannot listen on /.*: Address already in"):
            Server(str(path), Handler)
        assert path.is_socket()
    assert not path.exists()


@pytest.mark.parametrize("where", ["first", "second"])
def test_an_address_in_use_is_named_and_leaves_nothing_open(where: str) -> None:
    port = Port()
    with port._held as held:
        held.listen()
        before = settled_descriptors()
        first = port.address if where == "first" else ("127.0.0.1", 0)
        second = str(port) if where == "second" else "127.0.0.1:0"
        with pytest.raises(OSError, match=f"cannot listen on .*{port.number}: .* in u"):
            run(Handler, first, trust=LOOPBACK, direct_listen=second)
        assert open_descriptors() == before


def test_a_host_that_nobody_knows_is_named() -> None:
    with pytest.raises(OSError, match=r"cannot listen on nowhere\.invalid, port 80"):
        Server(("nowhere.invalid", 80), Handler)


@pytest.mark.parametrize("second", [(), "127.0.0.1:0"])
def test_a_limit_out_of_range_leaves_nothing_open(second: Any) -> None:
    before = settled_descriptors()
    with pytest.raises(ConfigurationError, match="waiting"):
        run(
            Handler,
            ("127.0.0.1", 0),
            trust=LOOPBACK,
            direct_listen=second,
            waiting=0,
        )
    assert open_descriptors() == before


def test_tls_that_is_silent_or_fails_holds_up_nobody_and_is_no_news(
    authority: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    server = Server(("127.0.0.1", 0), Handler)
    address = ("127.0.0.1", server.server_address[1])
    with (
        served(receive(server, trust=LOOPBACK, ssl=authority.server())),
        socket.create_connection(address, PATIENCE) as silent,
        socket.create_connection(address, PATIENCE) as failing,
    ):
        silent.sendall(OCTETS)
        failing.sendall(OCTETS + request("/"))
        # An alert or nothing, and the end.
        assert b"HTTP/" not in b"".join(iter(lambda: failing.recv(65536), b""))
        gone = socket.create_connection(address, PATIENCE)
        gone.sendall(OCTETS)
        reset(gone)
        assert asked(address, authority=authority)["client"] == list(CLIENT)
    _until_threads_end()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/mistake", "ValueError: as the test says"),
        ("/missing", "FileNotFoundError"),
        ("/refused", "ConnectionRefusedError"),
        ("/tls", "SSLError"),
    ],
)
@pytest.mark.parametrize("secure", [False, True])
def test_what_a_handler_does_wrong_is_printed(
    path: str,
    error: str,
    secure: bool,
    authority: Authority,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server = Server(("127.0.0.1", 0), Handler)
    address = ("127.0.0.1", server.server_address[1])
    context = authority.server() if secure else None
    with (
        served(receive(server, trust=LOOPBACK, ssl=context)),
        socket.create_connection(address, PATIENCE) as stream,
    ):
        stream.sendall(OCTETS)
        if secure:
            client = authority.client()
            with client.wrap_socket(stream, server_hostname=NAME) as secured:
                secured.sendall(request(path))
                assert not secured.recv(1)
        else:
            stream.sendall(request(path))
            assert ended(stream)
    said = capfd.readouterr().err
    assert error in said
    assert CLIENT[0] in said


def test_what_a_client_does_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    server = Server(("127.0.0.1", 0), Handler)
    address = ("127.0.0.1", server.server_address[1])
    _until_threads_end()
    before = threading.active_count()
    with served(receive(server, trust=LOOPBACK)):
        gone = socket.create_connection(address, PATIENCE)
        gone.sendall(OCTETS + request("/waits"))
        assert asked(address)["client"] == list(CLIENT)
        reset(gone)
    _until_threads_end()
    assert threading.active_count() == before
    assert capfd.readouterr().err == ""


def test_who_refuses_a_handler_is_printed_although_its_client_is_gone(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A backend did, and the client has not waited for it."""
    server = Server(("127.0.0.1", 0), Handler)
    address = ("127.0.0.1", server.server_address[1])
    with served(receive(server, trust=LOOPBACK)):
        gone = socket.create_connection(address, PATIENCE)
        gone.sendall(OCTETS + request("/gone/refused"))
        assert asked(address)["client"] == list(CLIENT)
        reset(gone)
    _until_threads_end()
    assert "ConnectionRefusedError" in capfd.readouterr().err


def _until_threads_end() -> None:
    """Waits for the handlers."""
    for thread in threading.enumerate():
        # Daemons, as others are that another server's test has left.
        if "process_request_thread" in thread.name:
            thread.join(PATIENCE)
            assert not thread.is_alive()
