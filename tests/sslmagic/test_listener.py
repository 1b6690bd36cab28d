"""A listening socket like any other, to whoever uses it, but for the preambles."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pickle
import resource
import select
import selectors
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sslmagic import ConfigurationError, Preamble, Reason, Trust, encode
from sslmagic.connection import receive
from sslmagic.listener import Listener
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    HelloVerifier,
    connect,
    ended,
    listening,
)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(listening(), trust=LOOPBACK) as made:
        made.settimeout(PATIENCE)
        yield made


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def take_every_descriptor() -> list[int]:
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.dup(0))
    return taken


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


@pytest.mark.parametrize("selector", [selectors.SelectSelector, selectors.PollSelector])
def test_any_selector_watches_it(listener: Listener, selector: Any) -> None:
    with selector() as watching, connect(listener, OCTETS):
        watching.register(listener, selectors.EVENT_READ)
        ((key, _),) = watching.select(PATIENCE)
        assert key.fileobj is listener
        listener.accept()[0].close()
        assert watching.select(0) == []


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


def test_many_threads_accept(listener: Listener) -> None:
    clients = [connect(listener, OCTETS[:12]) for _ in range(60)]

    def serve(_: int) -> int:
        connection, name = listener.accept()
        with connection:
            assert name == CLIENT
            return int(connection.recv(2))

    with ThreadPoolExecutor(8) as pool:
        served = [pool.submit(serve, i) for i in range(60)]
        for number, client in enumerate(clients):
            client.sendall(OCTETS[12:] + b"%02d" % number)
        numbers = {future.result(PATIENCE) for future in served}
    assert numbers == set(range(60))
    for client in clients:
        client.close()


def test_a_thread_that_waits_keeps_nobody_from_trying(listener: Listener) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(listener.accept)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
        with connect(listener, OCTETS):
            waiting.result(PATIENCE)[0].close()


@pytest.mark.parametrize("threads", [1, 5])
def test_closing_wakes_who_waits(threads: int) -> None:
    before = open_descriptors()
    listener = Listener(listening(), trust=LOOPBACK)
    inside = threading.Barrier(threads + 1)

    def wait() -> int | None:
        inside.wait(PATIENCE)
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            listener.accept()
        return caught.value.errno

    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(wait) for _ in range(threads)]
        silent = connect(listener)
        inside.wait(PATIENCE)
        listener.close()
        assert {w.result(PATIENCE) for w in waiting} == {errno.EBADF}
    assert ended(silent)
    silent.close()
    assert listener.fileno() == -1
    listener.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        listener.accept()
    assert open_descriptors() == before


def test_a_signal_handler_may_close_it() -> None:
    listener = Listener(listening(), trust=LOOPBACK)

    def close(*_: object) -> None:
        listener.close()

    previous = signal.signal(signal.SIGUSR1, close)
    ringing = threading.Timer(
        0.1, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1)
    )
    try:
        ringing.start()
        with pytest.raises(OSError, match="Bad file descriptor"):
            listener.accept()
    finally:
        ringing.join()
        signal.signal(signal.SIGUSR1, previous)


def test_a_signal_handler_may_close_it_in_the_midst_of_its_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the handler interrupts: here the reading of what a connection sent."""
    before = open_descriptors()
    listener = Listener(listening(), trust=LOOPBACK)

    def interrupted(*arguments: Any) -> Any:
        outcome = receive(*arguments)
        listener.close()
        return outcome

    monkeypatch.setattr("sslmagic.arrivals.receive", interrupted)
    with connect(listener, OCTETS[:5]) as client:
        with pytest.raises(OSError, match="Bad file descriptor"):
            listener.accept()
        assert ended(client)
    assert open_descriptors() == before


def test_shutting_down_ends_accept(listener: Listener) -> None:
    listener.shutdown(socket.SHUT_RDWR)
    with pytest.raises(OSError, match="Invalid argument"):
        listener.accept()


def test_one_that_is_forgotten_gives_its_descriptors_back() -> None:
    before = open_descriptors()
    with pytest.warns(ResourceWarning):
        Listener(listening(), trust=LOOPBACK)
    assert open_descriptors() == before


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


def test_out_of_descriptors_it_goes_on(listener: Listener) -> None:
    clients = [connect(listener, OCTETS) for _ in range(3)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    listener.settimeout(0.5)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(open_descriptors()) + 20, hard))
    try:
        taken = take_every_descriptor()
        spent = time.process_time()
        with pytest.raises(TimeoutError):
            listener.accept()
        assert time.process_time() - spent < 0.25
        os.close(taken.pop())
        listener.settimeout(PATIENCE)
        connection, name = listener.accept()
        assert name == CLIENT
        connection.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)
        for client in clients:
            client.close()


def test_it_does_not_travel_between_processes(listener: Listener) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="make one in each process"):
            pickle.dumps(listener, protocol)


def test_after_a_fork_both_accept_and_share_nobody(listener: Listener) -> None:
    waiting = connect(listener, OCTETS[:5])
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    listener.settimeout(PATIENCE)
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover  # another process
        status = 1
        try:
            connection, name = listener.accept()
            os.write(tell, repr((name, listener.counters.accepted)).encode())
            connection.close()
            status = 0
        finally:
            os._exit(status)
    with connect(listener, OCTETS):
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert os.read(told, 100) == repr((CLIENT, 1)).encode()
    waiting.sendall(OCTETS[5:])
    connection, name = listener.accept()
    assert name == CLIENT
    assert socket.socket.getpeername(connection) == waiting.getsockname()
    assert listener.counters.accepted == 1
    connection.close()
    waiting.close()
    os.close(told)
    os.close(tell)


def test_a_descriptor_of_a_child_is_watched_in_the_child(listener: Listener) -> None:
    """Who watched the number before the fork watches the child's own from then on."""
    number = listener.fileno()
    pid = os.fork()
    if pid == 0:  # pragma: no cover  # another process
        status = 1
        try:
            assert listener.fileno() == number
            assert select.select([number], [], [], PATIENCE)[0]
            listener.accept()[0].close()
            assert not select.select([number], [], [], 0)[0]
            status = 0
        finally:
            os._exit(status)
    with connect(listener, OCTETS):
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not select.select([number], [], [], 0)[0]


def test_nobody_accepts_past_it(listener: Listener) -> None:
    with pytest.raises(OSError, match="non-socket"):
        socket.socket(fileno=listener.fileno())
    with pytest.raises(OSError, match="non-socket"):
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_socket(listener, server_side=True)
    with pytest.raises(TypeError, match="duplicated"):
        listener.dup()
    with connect(listener, OCTETS):
        listener.accept()[0].close()


def test_detaching_closes_it_and_leaves_the_number_to_who_asked() -> None:
    before = open_descriptors()
    listener = Listener(listening(), trust=LOOPBACK)
    address = listener.getsockname()
    number = listener.fileno()
    with pytest.raises(TypeError, match=r"sslmagic\.streams"):
        listener.detach()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    assert open_descriptors() == before | {str(number)}
    os.close(number)


def test_raw_uvloop_fails_closed_and_says_so() -> None:
    uvloop = pytest.importorskip("uvloop")
    said: list[dict[str, Any]] = []
    uvloop.new_event_loop().close()  # libuv keeps a pipe for signals from its first
    before = open_descriptors()

    async def misuse() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: said.append(context))
        listener = Listener(listening(), trust=LOOPBACK)
        address = listener.getsockname()
        server = await loop.create_server(asyncio.Protocol, sock=listener)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(misuse())
    (context,) = said
    assert isinstance(context["exception"], TypeError)
    assert "sslmagic.streams.create_server" in str(context["exception"])
    assert open_descriptors() == before


def test_uvloop_may_watch_it_and_accept_by_hand() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def accept() -> None:
        loop = asyncio.get_running_loop()
        with Listener(listening(), trust=LOOPBACK) as listener:
            listener.setblocking(False)
            with connect(listener, OCTETS):
                connection, name = await loop.sock_accept(listener)
                connection.close()
                assert name == CLIENT

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(accept())


def test_asyncio_itself_serves_it() -> None:
    """Stock `loop.create_server(sock=)`: names, Nagle's algorithm, close."""
    made: list[asyncio.Transport] = []

    class Greeter(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            made.append(transport)
            transport.write(repr(transport.get_extra_info("peername")).encode())
            transport.close()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        # A socket that does not say it is TCP, as most are made.
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        listener = Listener(sock, trust=LOOPBACK)
        server = await loop.create_server(Greeter, sock=listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(OCTETS)
        assert await reader.read() == repr(CLIENT).encode()
        (transport,) = made
        assert transport.get_extra_info("peername").preamble == PREAMBLE
        writer.close()
        server.close()
        await server.wait_closed()
        assert listener.fileno() == -1

    asyncio.run(serve(), debug=True)


def test_asyncio_switches_nagle_off() -> None:
    nodelay: list[int] = []

    class Asker(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            sock = transport.get_extra_info("socket")
            assert sock.getpeername() == CLIENT
            option = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            nodelay.append(option)
            transport.close()

    async def serve() -> None:
        listener = Listener(listening(), trust=LOOPBACK)
        loop = asyncio.get_running_loop()
        async with await loop.create_server(Asker, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(OCTETS)
            await reader.read()
            writer.close()

    asyncio.run(serve())
    assert nodelay == [1]


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
