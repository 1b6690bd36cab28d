"""A listening socket like any other, to whoever uses it, but for the preambles."""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from sslmagic import ConfigurationError, Preamble, Reason, Trust, encode
from sslmagic.listener import Listener
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    HelloVerifier,
    connect,
    listening,
)


def test_accept_gives_the_connection_and_its_client(listener: Listener) -> None:
    with connect(listener, OCTETS + b"hello") as client:
        connection, name = listener.accept()
        with connection:
            assert name.preamble == PREAMBLE
            assert name == CLIENT
            assert connection.getpeername() == name
            assert connection.getpeername().preamble == PREAMBLE
            assert connection.getsockname() == listener.getsockname()
            assert connection.gettimeout() is None
            assert connection.recv(100) == b"hello"
            connection.sendall(b"and back")
            assert client.recv(100) == b"and back"
    assert listener.counters.snapshot() == {"accepted": 1, "direct": 0}


@pytest.mark.parametrize("format", ["magic", "proxy1", "proxy2"])
@pytest.mark.parametrize(
    ("source", "name"),
    [
        (("203.0.113.9", 51234), ("203.0.113.9", 51234)),
        (("2001:db8::9", 51234), ("2001:db8::9", 51234, 0, 0)),
    ],
)
def test_every_format_and_family(
    format: str, source: tuple[str, int], name: tuple[Any, ...]
) -> None:
    trust = Trust(peers=["127.0.0.1"], formats=["magic", "proxy1", "proxy2"])
    preamble = Preamble(source=source, destination=(source[0], 443))
    with (
        Listener(listening(), trust=trust) as listener,
        connect(listener, encode(preamble, format) + b"x"),
    ):
        connection, client = listener.accept()
        with connection:
            assert client == name
            assert connection.recv(9) == b"x"


def test_a_connection_of_nobody(listener: Listener) -> None:
    with connect(listener, encode(Preamble.local(), "magic")):
        connection, client = listener.accept()
        with connection:
            assert client == connection.getpeername() == ""
            assert client.preamble == Preamble.local()


def test_a_direct_peer_is_its_own_client_and_is_not_read() -> None:
    with (
        Listener(listening(), trust=Trust(direct=["127.0.0.1"])) as listener,
        connect(listener) as client,
    ):
        connection, name = listener.accept()
        with connection:
            assert name == connection.getpeername() == client.getsockname()
            assert name.preamble is None
            client.sendall(OCTETS)
            assert connection.recv(100) == OCTETS


def test_ipv6_and_dual_stack() -> None:
    sock = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    trust = Trust(peers=["127.0.0.1"], direct=["::1"])
    with Listener(sock, trust=trust) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(OCTETS)
            connection, name = listener.accept()
            connection.close()
            assert name == CLIENT
        with socket.create_connection(("::1", port)) as client:
            connection, name = listener.accept()
            connection.close()
            assert name == client.getsockname()


def test_unix(tmp_path: Path) -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(tmp_path / "socket"))
    sock.listen()
    with Listener(sock, trust=LOOPBACK) as listener:
        assert listener.family == socket.AF_UNIX
        with connect(listener, OCTETS + b"x"):
            connection, name = listener.accept()
            with connection:
                assert name == connection.getpeername() == CLIENT
                assert connection.family == socket.AF_UNIX
                assert connection.recv(9) == b"x"


def test_it_looks_like_the_socket_it_took_over() -> None:
    sock = listening()
    name = sock.getsockname()
    with Listener(sock, trust=LOOPBACK) as listener:
        assert sock.fileno() == -1
        assert isinstance(listener, socket.socket)
        assert listener.getsockname() == name
        assert listener.family == socket.AF_INET
        assert listener.type == socket.SOCK_STREAM
        assert str(name) in repr(listener)
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)
        assert not os.get_inheritable(listener.fileno())
        with pytest.raises(OSError, match="not connected"):
            listener.getpeername()


def test_a_socket_that_listens_later() -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    with Listener(sock, trust=LOOPBACK) as listener:
        with pytest.raises(OSError, match="Invalid argument"):
            listener.accept()
        listener.listen(8)
        with connect(listener, OCTETS):
            connection, name = listener.accept()
            connection.close()
            assert name == CLIENT


def test_timeouts_are_the_listeners_own(listener: Listener) -> None:
    for timeout in (None, 0.0, 1.5):
        listener.settimeout(timeout)
        assert listener.gettimeout() == listener.timeout == timeout
        assert listener.getblocking() is (timeout != 0)
    listener.setblocking(True)
    assert listener.gettimeout() is None
    listener.setblocking(False)
    assert listener.gettimeout() == 0
    with pytest.raises(ValueError, match="out of range"):
        listener.settimeout(-1)
    sock = listening()
    sock.settimeout(0.5)
    with Listener(sock, trust=LOOPBACK) as other:
        assert other.gettimeout() == 0.5


def test_without_blocking_nothing_waits(listener: Listener) -> None:
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    with connect(listener, OCTETS[:9]) as client:
        assert select.select([listener], [], [], PATIENCE)[0]
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert not select.select([listener], [], [], 0.05)[0]
        client.sendall(OCTETS[9:])
        assert select.select([listener], [], [], PATIENCE)[0]
        connection, _ = listener.accept()
        assert connection.getblocking()
        connection.close()


def test_ready_never_waits_and_finds_nothing_without_an_exception(
    listener: Listener,
) -> None:
    assert listener.getblocking()
    assert listener.ready() is None
    with connect(listener, OCTETS) as client:
        assert select.select([listener], [], [], PATIENCE)[0]
        connection = listener.ready()
        assert connection is not None
        assert connection.getpeername() == CLIENT
        assert listener.ready() is None
        client.close()
        assert connection.recv(1) == b""
        connection.close()
    listener.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        listener.ready()


def test_a_timeout_holds_whatever_else_happens() -> None:
    with Listener(listening(), trust=LOOPBACK) as listener:
        listener.settimeout(0.2)
        clients = [connect(listener, b"rubbish") for _ in range(3)]
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            listener.accept()
        assert 0.2 <= time.monotonic() - begun < 0.2 + 2
        assert listener.counters.refused[Reason.FORMAT] == 3
        for client in clients:
            client.close()


def test_a_default_timeout_is_the_connections_and_delays_nobody(
    listener: Listener,
) -> None:
    socket.setdefaulttimeout(7.5)
    try:
        silent = connect(listener)
        with connect(listener, OCTETS):
            begun = time.monotonic()
            connection, _ = listener.accept()
            assert time.monotonic() - begun < 5
            assert connection.gettimeout() == 7.5
            connection.close()
        silent.close()
    finally:
        socket.setdefaulttimeout(None)


def test_a_bad_peer_never_makes_accept_fail(listener: Listener) -> None:
    for turn in range(200):
        bad = connect(listener, b"\x16\x03\x01" if turn % 2 else b"")
        if turn % 2 == 0:
            bad.shutdown(socket.SHUT_WR)
        good = connect(listener, OCTETS)
        connection, name = listener.accept()
        assert name == CLIENT
        for each in (bad, good, connection):
            each.close()
    listener.settimeout(0.1)
    with pytest.raises(TimeoutError):
        listener.accept()
    refused = listener.counters.refused
    assert refused[Reason.FORMAT] == refused[Reason.TRUNCATED] == 100


def test_the_log_says_why(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    bad = connect(listener, b"\x1b[31mGET")
    with connect(listener, OCTETS):
        listener.accept()[0].close()
    (line,) = caplog.messages
    assert line.startswith(f"refused 127.0.0.1:{bad.getsockname()[1]}: format: ")
    assert line.isascii()
    assert line.isprintable()
    bad.close()


def test_the_silent_hold_up_nobody() -> None:
    with Listener(listening(), trust=LOOPBACK, deadline=0.5) as listener:
        listener.settimeout(PATIENCE)
        silent = [connect(listener, OCTETS[: i % 20]) for i in range(150)]
        begun = time.monotonic()
        for _ in range(100):
            with connect(listener, OCTETS):
                connection, name = listener.accept()
                connection.close()
                assert name == CLIENT
        assert time.monotonic() - begun < 0.5, "100 good clients in the silence"
        listener.settimeout(0.8)
        with pytest.raises(TimeoutError):
            listener.accept()
        assert listener.counters.refused[Reason.TIMEOUT] == 150
        for client in silent:
            client.close()


def test_a_verifier_sees_a_hello_that_stays_in_the_kernel() -> None:
    hello = b"\x16\x03\x01\x08\x00\x01" + bytes(2042)
    verifier = HelloVerifier()
    with Listener(listening(), trust=LOOPBACK, verifier=verifier) as listener:
        listener.settimeout(PATIENCE)
        with connect(listener, OCTETS + hello) as client:
            connection, name = listener.accept()
            with connection:
                assert name == CLIENT
                assert connection.recv(len(hello), socket.MSG_WAITALL) == hello
                client.sendall(b"1")
                assert connection.recv(10) == b"1", "one octet is enough again"
    assert verifier.seen == [hello]


@pytest.mark.parametrize(
    "options",
    [
        {"deadline": 0},
        {"deadline": -1.0},
        {"deadline": float("inf")},
        {"deadline": float("nan")},
        {"waiting": 0},
    ],
)
def test_values_out_of_range_leave_the_socket_alone(options: dict[str, Any]) -> None:
    with listening() as sock:
        with pytest.raises(ConfigurationError, match=next(iter(options))):
            Listener(sock, trust=LOOPBACK, **options)
        assert sock.fileno() >= 0


def test_only_a_plain_stream_socket_is_taken(listener: Listener) -> None:
    with pytest.raises(ConfigurationError, match="Listener already"):
        Listener(listener, trust=LOOPBACK)
    with (
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        pytest.raises(ConfigurationError, match="no stream socket"),
    ):
        Listener(datagrams, trust=LOOPBACK)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with (
        context.wrap_socket(listening(), server_side=True) as secured,
        pytest.raises(ConfigurationError, match="TLS comes afterwards"),
    ):
        Listener(secured, trust=LOOPBACK)
