"""Blocking servers: TLS starts on the very octet behind the preamble."""

from __future__ import annotations

import array
import fcntl
import json
import select
import socket
import ssl
import termios
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pytest

from sslmagic import (
    ConfigurationError,
    DecodeError,
    IncompleteError,
    Preamble,
    ProofError,
    Reason,
    Trust,
    UntrustedError,
    encode,
    sockets,
)
from sslmagic.listener import Listener
from sslmagic.listener.peername import PeerName
from tests.interop.authority import HELLOS, Authority
from tests.interop.client import Client, Pieces, ask, octets, split, together
from tests.sslmagic.receiving import (
    CLIENT,
    DESTINATION,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    HelloVerifier,
    connect,
    ended,
    listening,
    reset,
)

FORMATS = ("magic", "proxy1", "proxy2")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def serve(listener: Listener) -> None:
    """Answer one connection with the client's name."""
    connection, client = listener.accept()
    with connection:
        assert connection.getpeername() == client
        answer(connection)


def answer(connection: socket.socket) -> None:
    connection.settimeout(PATIENCE)
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536)
    said = json.dumps({"client": connection.getpeername()}).encode()
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + said)


def wait_until_read(connection: socket.socket) -> None:
    ends = time.monotonic() + PATIENCE
    unread = array.array("i", [1])
    while unread[0]:
        fcntl.ioctl(connection, termios.FIONREAD, unread)
        assert time.monotonic() < ends


def secure(authority: Authority, **options: Any) -> Listener:
    trust = Trust(peers=["127.0.0.1"], formats=FORMATS)
    listener = sockets.listen(
        ("127.0.0.1", 0), trust=trust, ssl=authority.server(), **options
    )
    listener.settimeout(PATIENCE)
    return listener


@pytest.mark.parametrize("hello", HELLOS)
@pytest.mark.parametrize("pieces", [together, octets])
@pytest.mark.parametrize("format", FORMATS)
def test_tls_behind_a_preamble(
    authority: Authority,
    pool: ThreadPoolExecutor,
    format: str,
    pieces: Pieces,
    hello: str,
) -> None:
    with secure(authority) as listener:
        serving = pool.submit(serve, listener)
        said = ask(
            listener.getsockname(),
            authority.client(hello=hello),
            before=encode(PREAMBLE, format),
            pieces=pieces,
        )
        serving.result(PATIENCE)
    assert said.body == {"client": list(CLIENT)}


@pytest.mark.parametrize("format", FORMATS)
def test_every_split(
    authority: Authority, pool: ThreadPoolExecutor, format: str
) -> None:
    before = encode(PREAMBLE, format)
    context = authority.client()
    with secure(authority) as listener:
        for cut in range(1, len(before) + 8):
            serving = pool.submit(serve, listener)
            said = ask(
                listener.getsockname(), context, before=before, pieces=split(cut)
            )
            assert said.body == {"client": list(CLIENT)}
            serving.result(PATIENCE)


@pytest.mark.parametrize("pieces", [together, octets])
def test_a_verifier_sees_a_big_hello_and_tls_has_it_all(
    authority: Authority, pool: ThreadPoolExecutor, pieces: Pieces
) -> None:
    verifier = HelloVerifier()
    with secure(authority, verifier=verifier) as listener:
        serving = pool.submit(serve, listener)
        context = authority.client(hello="post-quantum")
        with Client(listener.getsockname(), context) as client:
            assert len(client.hello) > 2048
            client.begin(before=OCTETS, pieces=pieces)
            client.shake()
            assert client.answer().body == {"client": list(CLIENT)}
            assert verifier.seen == [client.hello[:2048]]
        serving.result(PATIENCE)


def test_accept_does_not_wait_for_the_handshake(
    authority: Authority, pool: ThreadPoolExecutor
) -> None:
    context = authority.server()
    with (
        sockets.listen(("127.0.0.1", 0), trust=LOOPBACK, ssl=context) as listener,
        Client(listener.getsockname(), authority.client()) as client,
    ):
        client.begin(before=OCTETS, pieces=lambda first: [first[: len(OCTETS)]])
        connection, name = listener.accept()
        with connection:
            assert isinstance(connection, ssl.SSLSocket)
            assert connection.version() is None
            assert name == connection.getpeername() == CLIENT
            assert connection.getpeername().preamble == PREAMBLE
            serving = pool.submit(answer, connection)
            client.begin()
            client.shake()
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            serving.result(PATIENCE)
    assert context.sslsocket_class is ssl.SSLSocket


def test_the_users_own_class_of_sockets_is_kept(authority: Authority) -> None:
    class Own(ssl.SSLSocket):
        pass

    context = authority.server()
    context.sslsocket_class = Own
    with (
        sockets.listen(("127.0.0.1", 0), trust=LOOPBACK, ssl=context) as listener,
        connect(listener, OCTETS),
    ):
        connection, name = listener.accept()
        with connection:
            assert type(connection) is Own
            assert connection.getpeername() == name == CLIENT


def test_who_fails_before_tls_can_start_is_nobodys_trouble(
    authority: Authority,
) -> None:
    with secure(authority) as listener:
        for rest in (b"\x16\x03\x01", b""):
            reset(connect(listener, OCTETS + rest))
        with connect(listener, OCTETS) as client:
            connection, name = listener.accept()
            real = socket.socket.getpeername(connection)
            connection.close()
            assert real == client.getsockname()
        assert name == CLIENT


def test_a_clients_context_is_refused_before_anybody_connects() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ConfigurationError, match="client's"):
        sockets.listen(("127.0.0.1", 0), trust=LOOPBACK, ssl=context)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_hosts(host: str) -> None:
    with sockets.listen((host, 0), trust=LOOPBACK) as listener:
        assert type(listener) is Listener
        with connect(listener, OCTETS):
            connection, name = listener.accept()
            connection.close()
            assert name == CLIENT


def test_every_ipv4_address() -> None:
    with sockets.listen(("", 0), trust=LOOPBACK) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


@pytest.mark.parametrize("kind", [str, Path])
def test_unix(kind: type, tmp_path: Path) -> None:
    path = kind(tmp_path / "socket")
    for _ in range(2):  # the second finds what the first left
        with (
            sockets.listen(path, trust=LOOPBACK) as listener,
            connect(listener, OCTETS),
        ):
            connection, name = listener.accept()
            connection.close()
            assert name == CLIENT
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="in use"):
        sockets.listen(str(tmp_path / "file"), trust=LOOPBACK)
    assert (tmp_path / "file").exists()


def test_two_share_a_port() -> None:
    with sockets.listen(("127.0.0.1", 0), trust=LOOPBACK, reuse_port=True) as one:
        address = one.getsockname()
        with sockets.listen(address, trust=LOOPBACK, reuse_port=True) as two:
            clients = [connect(one, OCTETS) for _ in range(64)]
            for _ in clients:
                (ready, *_), _, _ = select.select([one, two], [], [], PATIENCE)
                ready.accept()[0].close()
            assert one.counters.accepted + two.counters.accepted == 64
            assert one.counters.accepted
            assert two.counters.accepted
            for client in clients:
                client.close()


def test_a_socket_of_ones_own() -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    with sockets.listen(sock=sock, trust=LOOPBACK, backlog=5) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        with connect(listener, OCTETS):
            listener.accept()[0].close()


def test_it_is_said_where_to_listen_once() -> None:
    with listening() as sock:
        with pytest.raises(ConfigurationError, match="neither"):
            sockets.listen(trust=LOOPBACK)
        with pytest.raises(ConfigurationError, match="already"):
            sockets.listen(("127.0.0.1", 0), sock=sock, trust=LOOPBACK)
        with pytest.raises(ConfigurationError, match="already"):
            sockets.listen(sock=sock, trust=LOOPBACK, reuse_port=True)
        with pytest.raises(ConfigurationError, match="deadline"):
            sockets.listen(sock=sock, trust=LOOPBACK, deadline=0)
        with pytest.raises(ConfigurationError, match="deadline"):
            sockets.listen(("127.0.0.1", 0), trust=LOOPBACK, deadline=0)
        assert sock.fileno() >= 0
        with pytest.raises(OSError, match="in use"):
            sockets.listen(sock.getsockname(), trust=LOOPBACK)


class Accepted:
    """A connection as somebody's own accept() gave it, and its client."""

    def __init__(self, octets: bytes = b"") -> None:
        with listening() as server:
            self.client = connect(server, octets)
            self.connection, self.address = server.accept()

    def strip(self, **options: Any) -> PeerName:
        return sockets.strip(self.connection, **{"trust": LOOPBACK, **options})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.connection.close()


@pytest.mark.parametrize("timeout", [None, 3.5])
def test_stripping_takes_the_preamble_alone(timeout: float | None) -> None:
    with Accepted(OCTETS + b"ClientHello") as accepted:
        accepted.connection.settimeout(timeout)
        name = accepted.strip()
        assert name.preamble == PREAMBLE
        assert name == CLIENT
        assert accepted.connection.gettimeout() == timeout
        assert accepted.connection.recv(100) == b"ClientHello"


def test_stripping_octet_by_octet(pool: ThreadPoolExecutor) -> None:
    with Accepted() as accepted:
        stripping: Future[PeerName] = pool.submit(accepted.strip)
        for octet in OCTETS + b"rest":
            accepted.client.sendall(bytes([octet]))
        assert stripping.result(PATIENCE) == CLIENT
        assert accepted.connection.recv(4, socket.MSG_WAITALL) == b"rest"


def test_tls_after_stripping(authority: Authority, pool: ThreadPoolExecutor) -> None:
    def shop(server: socket.socket) -> None:
        connection, _ = server.accept()
        name = sockets.strip(connection, trust=LOOPBACK)
        assert name == CLIENT
        with authority.server().wrap_socket(connection, server_side=True) as secured:
            while b"\r\n\r\n" not in secured.recv(65536):
                pass
            secured.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"client": ["x", 1]}')

    with listening() as server:
        serving = pool.submit(shop, server)
        ask(
            server.getsockname(),
            authority.client(hello="huge"),
            before=OCTETS,
            pieces=octets,
        )
        serving.result(PATIENCE)


def test_stripping_a_direct_peer_reads_nothing() -> None:
    with Accepted(OCTETS) as accepted:
        name = accepted.strip(trust=Trust(direct=["127.0.0.1"]))
        assert name == accepted.address
        assert name.preamble is None
        assert accepted.connection.recv(100) == OCTETS


@pytest.mark.parametrize("length", [0, 5, 2047])
@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_stripping_under_a_verifier(
    pool: ThreadPoolExecutor, length: int, family: str
) -> None:
    hello = b"\x16\x03\x01\x08\x00\x01" + bytes(2042)
    verifier = HelloVerifier()
    if family == "unix":
        client, connection = socket.socketpair()
    else:
        with listening() as server:
            client = connect(server)
            connection, _ = server.accept()
    with client, connection:
        client.sendall(OCTETS + hello[:length])
        stripping = pool.submit(
            sockets.strip, connection, trust=LOOPBACK, verifier=verifier
        )
        client.sendall(hello[length:] + b"!")
        assert stripping.result(PATIENCE) == CLIENT
        assert verifier.seen == [hello]
        assert connection.recv(2049, socket.MSG_WAITALL) == hello + b"!"


def test_octets_that_are_left_do_not_keep_stripping_busy() -> None:
    client, connection = socket.socketpair()
    with client, connection:
        client.sendall(OCTETS + b"\x16\x03\x01\x08\x00\x01")
        spent = time.thread_time()
        with pytest.raises(TimeoutError):
            sockets.strip(
                connection, trust=LOOPBACK, deadline=0.5, verifier=HelloVerifier()
            )
        assert time.thread_time() - spent < 0.1


@pytest.mark.parametrize(
    ("sent", "reason", "offset"),
    [
        (b"\x16\x03\x01", Reason.FORMAT, 0),
        (OCTETS[:9] + b"\x91" + OCTETS[10:], Reason.VERSION, 9),
        (OCTETS[:10] + b"\x13" + OCTETS[11:], Reason.FAMILY, 10),
    ],
)
def test_stripping_what_is_no_preamble(
    sent: bytes, reason: Reason, offset: int
) -> None:
    with Accepted(sent) as accepted:
        with pytest.raises(DecodeError) as caught:
            accepted.strip()
        assert caught.value.reason is reason
        assert caught.value.offset == offset
        assert str(caught.value).count("at byte") == 1


@pytest.mark.parametrize("length", [0, 7])
def test_stripping_what_ends_too_early(length: int) -> None:
    with Accepted(OCTETS[:length]) as accepted:
        accepted.client.shutdown(socket.SHUT_WR)
        with pytest.raises(IncompleteError) as caught:
            accepted.strip()
        assert caught.value.offset == length


def test_stripping_what_is_not_believed() -> None:
    with Accepted() as accepted, pytest.raises(UntrustedError) as caught:
        accepted.strip(trust=Trust(peers=["192.0.2.1"]))
    assert caught.value.reason is Reason.PEER
    nobody = Trust(peers=["127.0.0.1"], local="refuse")
    with (
        Accepted(encode(Preamble.local(), "magic")) as accepted,
        pytest.raises(UntrustedError) as caught,
    ):
        accepted.strip(trust=nobody)
    assert caught.value.reason is Reason.LOCAL
    with Accepted(OCTETS + b"GET /") as accepted, pytest.raises(ProofError) as proof:
        accepted.strip(verifier=HelloVerifier(5))
    assert proof.value.reason is Reason.PROOF


def test_stripping_has_one_absolute_deadline() -> None:
    stop = threading.Event()
    with Accepted() as accepted:

        def drip() -> None:
            for octet in OCTETS:
                if stop.wait(0.05):
                    return
                accepted.client.sendall(bytes([octet]))

        dripping = threading.Thread(target=drip)
        dripping.start()
        begun = time.monotonic()
        with pytest.raises(TimeoutError, match="deadline"):
            accepted.strip(deadline=0.3)
        assert 0.3 <= time.monotonic() - begun < 0.8
        stop.set()
        dripping.join()


def test_stripping_a_connection_that_fails(pool: ThreadPoolExecutor) -> None:
    with Accepted(OCTETS[:5]) as accepted:
        stripping = pool.submit(accepted.strip)
        wait_until_read(accepted.connection)
        reset(accepted.client)
        with pytest.raises(ConnectionResetError):
            stripping.result(PATIENCE)


def test_stripping_waits_so_the_connection_must_block() -> None:
    with Accepted(OCTETS) as accepted:
        accepted.connection.setblocking(False)
        with pytest.raises(ConfigurationError, match="does not block"):
            accepted.strip()
        accepted.connection.setblocking(True)
        with pytest.raises(ConfigurationError, match="deadline"):
            accepted.strip(deadline=float("nan"))
        assert accepted.strip() == CLIENT


def test_stripping_twice_would_believe_the_address_of_a_preamble() -> None:
    """Two preambles: the first names a gateway, for which the second would speak."""
    gateway = Preamble(source=("10.0.0.1", 1), destination=DESTINATION)
    octets = encode(gateway, "magic") + OCTETS
    with sockets.listen(("127.0.0.1", 0), trust=LOOPBACK) as listener:
        with connect(listener, octets):
            connection, name = listener.accept()
            with connection:
                assert name == ("10.0.0.1", 1)
                with pytest.raises(ConfigurationError, match="off already"):
                    sockets.strip(connection, trust=Trust(peers=["10.0.0.1"]))


def test_stripping_is_too_late_in_tls(authority: Authority) -> None:
    with secure(authority) as listener, connect(listener, OCTETS):
        connection, _ = listener.accept()
        with connection, pytest.raises(ConfigurationError, match="off already"):
            sockets.strip(connection, trust=LOOPBACK)


def test_the_destination_is_in_the_preamble(authority: Authority) -> None:
    with secure(authority) as listener, connect(listener, OCTETS):
        connection, name = listener.accept()
        with connection:
            assert connection.getsockname() == listener.getsockname()
            assert name.preamble is not None
            assert name.preamble.destination == DESTINATION


def test_a_listener_of_tls_ends_like_any(authority: Authority) -> None:
    listener = secure(authority)
    silent = connect(listener)
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    listener.close()
    assert ended(silent)
    silent.close()
