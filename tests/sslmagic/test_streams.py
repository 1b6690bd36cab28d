"""Servers on asyncio and uvloop: the loop does the TLS, and the peer is the client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from sslmagic import ConfigurationError, Preamble, Reason, Trust, encode, streams
from tests.interop.authority import HELLOS, NAME, Authority
from tests.interop.client import Pieces, RefusedError, ask, octets, split, together
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    HelloVerifier,
)

Run = Callable[[Coroutine[Any, Any, None]], None]

FORMATS = ("magic", "proxy1", "proxy2")
EVERY_FORMAT = Trust(peers=["127.0.0.1", "::1"], formats=FORMATS)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    new_loop = asyncio.new_event_loop
    if request.param == "uvloop":
        new_loop = pytest.importorskip("uvloop").new_event_loop

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(asyncio.wait_for(main, 40))

    return run


async def shop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the client's name."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        said = json.dumps({"client": writer.get_extra_info("peername")})
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + said.encode())
        await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def address(server: streams.Server) -> tuple[str, int]:
    host, port = server.sockets[0].getsockname()[:2]
    return host, port


@pytest.mark.parametrize("hello", HELLOS)
@pytest.mark.parametrize("pieces", [together, octets])
@pytest.mark.parametrize("format", FORMATS)
def test_tls_behind_a_preamble(
    run: Run, authority: Authority, format: str, pieces: Pieces, hello: str
) -> None:
    async def main() -> None:
        async with await streams.start_server(
            shop, "127.0.0.1", 0, trust=EVERY_FORMAT, ssl=authority.server()
        ) as server:
            said = await asyncio.to_thread(
                ask,
                address(server),
                authority.client(hello=hello),
                before=encode(PREAMBLE, format),
                pieces=pieces,
            )
        assert said.body == {"client": list(CLIENT)}

    run(main())


def test_every_split(run: Run, authority: Authority) -> None:
    async def main() -> None:
        context = authority.client()
        async with await streams.start_server(
            shop, "127.0.0.1", 0, trust=EVERY_FORMAT, ssl=authority.server()
        ) as server:
            for format in FORMATS:
                before = encode(PREAMBLE, format)
                for cut in range(1, len(before) + 8):
                    said = await asyncio.to_thread(
                        ask,
                        address(server),
                        context,
                        before=before,
                        pieces=split(cut),
                    )
                    assert said.body == {"client": list(CLIENT)}

    run(main())


@pytest.mark.parametrize("pieces", [together, octets])
def test_a_verifier_sees_a_big_hello_and_tls_has_it_all(
    run: Run, authority: Authority, pieces: Pieces
) -> None:
    verifier = HelloVerifier()

    async def main() -> None:
        async with await streams.start_server(
            shop,
            "127.0.0.1",
            0,
            trust=EVERY_FORMAT,
            ssl=authority.server(),
            verifier=verifier,
        ) as server:
            said = await asyncio.to_thread(
                ask,
                address(server),
                authority.client(hello="post-quantum"),
                before=OCTETS,
                pieces=pieces,
            )
        assert said.body == {"client": list(CLIENT)}

    run(main())
    assert [len(seen) for seen in verifier.seen] == [2048]


def test_every_way_of_asking_gives_the_client(run: Run, authority: Authority) -> None:
    told: list[Any] = []

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        told.extend(
            (
                writer.get_extra_info("peername"),
                sock.getpeername(),
                writer.transport.get_extra_info("peername"),
                writer.get_extra_info("sockname"),
                sock.getsockname(),
                sock.family,
                writer.get_extra_info("no such thing", "nothing"),
                writer.get_extra_info("ssl_object").version(),
            )
        )
        writer.close()

    async def main() -> None:
        async with await streams.start_server(
            tell, "127.0.0.1", 0, trust=LOOPBACK, ssl=authority.server()
        ) as server:
            with pytest.raises(RefusedError):
                await asyncio.to_thread(
                    ask, address(server), authority.client(), before=OCTETS
                )
            assert told == [
                *[CLIENT] * 3,
                *[address(server)] * 2,
                socket.AF_INET,
                "nothing",
                "TLSv1.3",
            ]
            assert [name.preamble for name in told[:3]] == [PREAMBLE] * 3

    run(main())


@pytest.mark.parametrize(
    ("source", "client"),
    [
        (("2001:db8::9", 51234), ["2001:db8::9", 51234, 0, 0]),
        (None, ""),
    ],
)
def test_other_names(
    run: Run, source: tuple[str, int] | None, client: list[Any] | str
) -> None:
    preamble = Preamble.local()
    if source is not None:
        preamble = Preamble(source=source, destination=source)

    async def main() -> None:
        async with await streams.start_server(
            shop, "::1", 0, trust=EVERY_FORMAT
        ) as server:
            said = await asyncio.to_thread(
                ask, address(server), None, before=encode(preamble, "magic")
            )
        assert said.body == {"client": client}

    run(main())


def test_a_direct_peer(run: Run) -> None:
    async def main() -> None:
        async with await streams.start_server(
            shop, "127.0.0.1", 0, trust=Trust(direct=["127.0.0.1"])
        ) as server:
            said = await asyncio.to_thread(ask, address(server), None)
        assert said.client == said.local

    run(main())


def test_the_silent_the_slow_and_the_rude_hold_up_nobody(
    run: Run, authority: Authority
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with await streams.start_server(
            shop,
            "127.0.0.1",
            0,
            trust=LOOPBACK,
            ssl=authority.server(),
            deadline=1.0,
            backlog=1024,
        ) as server:
            others = []
            for number in range(160):
                sock = socket.socket()
                sock.setblocking(False)
                await loop.sock_connect(sock, address(server))
                await loop.sock_sendall(sock, OCTETS[: number % 20])
                others.append(sock)
            for rude in others[:10]:
                with contextlib.suppress(OSError):
                    await loop.sock_sendall(rude, b"\xff" * 64)
            context = authority.client()
            begun = time.monotonic()
            for _ in range(10):
                said = await asyncio.to_thread(
                    ask, address(server), context, before=OCTETS
                )
                assert said.client == CLIENT
            assert time.monotonic() - begun < 1.0
            counters = server.listeners[0].counters
            refused = counters.refused
            while sum(refused.values()) < 160:
                (gone,) = {await loop.sock_recv(sock, 1) for sock in others[10:]}
                assert gone == b""
            assert refused[Reason.TIMEOUT] >= 150
            assert counters.accepted == 10
            for sock in others:
                sock.close()

    run(main())


def test_protocols(run: Run, authority: Authority) -> None:
    """`create_server`, with each of the two kinds of protocol."""
    calls: list[str] = []

    class Plain(asyncio.Protocol):
        transport: asyncio.Transport

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            assert transport.get_protocol() is self
            assert transport.get_extra_info("peername").preamble == PREAMBLE

        def data_received(self, data: bytes) -> None:
            self.answer()

        def answer(self) -> None:
            assert not self.transport.is_closing()
            said = json.dumps({"client": self.transport.get_extra_info("peername")})
            self.transport.writelines([b"HTTP/1.0 200 OK\r\n\r\n", said.encode()])
            self.transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            calls.append(type(self).__name__)

    class Buffered(asyncio.BufferedProtocol, Plain):
        def get_buffer(self, sizehint: int) -> bytearray:
            self.buffer = bytearray(max(sizehint, 1024))
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            assert b"GET / HTTP/1.0" in self.buffer[:nbytes]
            self.answer()

    async def main() -> None:
        for factory in (Plain, Buffered):
            for tls in (None, authority.server()):
                async with await streams.create_server(
                    factory, "127.0.0.1", 0, trust=LOOPBACK, ssl=tls
                ) as server:
                    said = await asyncio.to_thread(
                        ask,
                        address(server),
                        tls and authority.client(),
                        before=OCTETS,
                    )
                    assert said.body == {"client": list(CLIENT)}

    run(main())
    assert calls == ["Plain", "Plain", "Buffered", "Buffered"]


@pytest.mark.parametrize("pieces", [together, octets])
def test_start_tls_later(run: Run, authority: Authority, pieces: Pieces) -> None:
    """The name stays the client's on the transport that TLS makes."""

    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == b"STARTTLS"
        writer.write(b"go")
        await writer.drain()
        await writer.start_tls(authority.server())
        await shop(reader, writer)

    def client(where: tuple[str, int]) -> bytes:
        with socket.create_connection(where, PATIENCE) as plain:
            for piece in pieces(OCTETS + b"STARTTLS"):
                plain.sendall(piece)
            assert plain.recv(2) == b"go"
            with authority.client().wrap_socket(plain, server_hostname=NAME) as tls:
                tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: tls.recv(4096), b""))

    async def main() -> None:
        async with await streams.start_server(
            later, "127.0.0.1", 0, trust=LOOPBACK
        ) as server:
            said = await asyncio.to_thread(client, address(server))
        assert json.loads(said.partition(b"\r\n\r\n")[2]) == {"client": list(CLIENT)}

    run(main())


def test_tls_inside_tls_by_hand(run: Run, authority: Authority) -> None:
    """`loop.start_tls` on a protocol's transport, plain or TLS."""
    done: list[object] = []

    class Upgrade(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            assert data == b"STARTTLS"
            self.task = asyncio.ensure_future(self.upgrade())

        async def upgrade(self) -> None:
            loop = asyncio.get_running_loop()
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.write(b"go")
            secured = await loop.start_tls(
                self.transport, asyncio.Protocol(), authority.server(), server_side=True
            )
            assert secured is not None
            done.append(secured.get_extra_info("peername"))
            done.append(secured.get_extra_info("socket").getpeername())
            secured.close()

    async def main() -> None:
        async with await streams.create_server(
            Upgrade, "127.0.0.1", 0, trust=LOOPBACK
        ) as server:
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(OCTETS + b"STARTTLS")
            assert await reader.readexactly(2) == b"go"
            await writer.start_tls(authority.client(), server_hostname=NAME)
            assert await reader.read() == b""
            writer.close()

    run(main())
    assert done == [CLIENT, CLIENT]


def test_a_failed_handshake_ends_one_connection_only(
    run: Run, authority: Authority
) -> None:
    async def main() -> None:
        async with await streams.start_server(
            shop, "127.0.0.1", 0, trust=LOOPBACK, ssl=authority.server()
        ) as server:
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(OCTETS + b"no ClientHello at all, and not even a record")
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            writer.close()
            said = await asyncio.to_thread(
                ask, address(server), authority.client(), before=OCTETS
            )
            assert said.client == CLIENT

    run(main())


def test_the_handshake_has_its_own_timeout(run: Run, authority: Authority) -> None:
    async def main() -> None:
        async with await streams.start_server(
            shop,
            "127.0.0.1",
            0,
            trust=LOOPBACK,
            ssl=authority.server(),
            ssl_handshake_timeout=0.2,
            ssl_shutdown_timeout=0.2,
        ) as server:
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(OCTETS)
            begun = time.monotonic()
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            assert 0.15 < time.monotonic() - begun < 5
            writer.close()

    run(main())


def test_a_server_serves_until_it_is_closed(run: Run) -> None:
    async def main() -> None:
        server = await streams.start_server(
            shop, "127.0.0.1", 0, trust=LOOPBACK, start_serving=False
        )
        where = address(server)
        assert not server.is_serving()
        assert server.get_loop() is asyncio.get_running_loop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where)
        await server.start_serving()
        await server.start_serving()
        assert server.is_serving()
        assert str(where) in repr(server)
        said = await asyncio.to_thread(ask, where, None, before=OCTETS)
        assert said.client == CLIENT
        server.close()
        server.close()
        await server.wait_closed()
        assert not server.is_serving()
        assert server.sockets == ()
        assert [listener.fileno() for listener in server.listeners] == [-1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where)
        with pytest.raises(RuntimeError, match="closed"):
            await server.serve_forever()

    run(main())


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_serving_forever(run: Run, how: str) -> None:
    async def main() -> None:
        server = await streams.start_server(shop, "127.0.0.1", 0, trust=LOOPBACK)
        where = address(server)
        forever = asyncio.ensure_future(server.serve_forever())
        said = await asyncio.to_thread(ask, where, None, before=OCTETS)
        assert said.client == CLIENT
        with pytest.raises(RuntimeError, match="already"):
            await server.serve_forever()
        assert server.is_serving()
        if how == "cancel":
            forever.cancel()
        else:
            server.close()
        with pytest.raises(asyncio.CancelledError):
            await forever
        assert not server.is_serving()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where)

    run(main())


def test_closing_leaves_connections_open(run: Run) -> None:
    async def main() -> None:
        served = asyncio.Event()

        async def slow(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            served.set()
            await shop(reader, writer)

        server = await streams.start_server(slow, "127.0.0.1", 0, trust=LOOPBACK)
        reader, writer = await asyncio.open_connection(*address(server))
        waiting_reader, waiting = await asyncio.open_connection(*address(server))
        writer.write(OCTETS + b"GET / HTTP/1.0\r\n")
        await served.wait()
        server.close()
        writer.write(b"\r\n")
        assert json.dumps(CLIENT).encode() in await reader.read()
        with contextlib.suppress(ConnectionResetError):
            assert await waiting_reader.read() == b"", "it had sent no preamble"
        writer.close()
        waiting.close()
        await server.wait_closed()

    run(main())


def test_every_address_of_both_families(run: Run) -> None:
    async def main() -> None:
        async with await streams.start_server(
            shop, ["127.0.0.1", "::1", "127.0.0.1"], 0, trust=EVERY_FORMAT
        ) as server:
            first, second = server.sockets
            assert first.family == socket.AF_INET
            assert second.family == socket.AF_INET6
            for sock in server.sockets:
                where = sock.getsockname()[:2]
                said = await asyncio.to_thread(ask, where, None, before=OCTETS)
                assert said.client == CLIENT
            assert [one.counters.accepted for one in server.listeners] == [1, 1]
        async with await streams.start_server(shop, trust=EVERY_FORMAT) as server:
            families = [sock.family for sock in server.sockets]
            assert families == [socket.AF_INET, socket.AF_INET6]
        async with await streams.start_server(
            shop, "localhost", 0, trust=EVERY_FORMAT, family=socket.AF_INET
        ) as server:
            assert [sock.family for sock in server.sockets] == [socket.AF_INET]

    run(main())


def test_workers_share_a_port(run: Run) -> None:
    async def main() -> None:
        async with await streams.start_server(
            shop, "127.0.0.1", 0, trust=LOOPBACK, reuse_port=True
        ) as one:
            where = address(one)
            async with await streams.start_server(
                shop, *where, trust=LOOPBACK, reuse_port=True
            ) as two:
                for _ in range(40):
                    said = await asyncio.to_thread(ask, where, None, before=OCTETS)
                    assert said.client == CLIENT
                served = [
                    server.listeners[0].counters.accepted for server in (one, two)
                ]
                assert sum(served) == 40
                assert min(served) > 0
        async with await streams.start_server(shop, "127.0.0.1", trust=LOOPBACK) as one:
            with pytest.raises(OSError, match=r"cannot listen on \('127.0.0.1'"):
                await streams.start_server(shop, *address(one), trust=LOOPBACK)

    run(main())


def test_a_socket_of_ones_own(run: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    async def main() -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(path)
        async with await streams.start_server(shop, sock=sock, trust=LOOPBACK):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(OCTETS + b"GET / HTTP/1.0\r\n\r\n")
            assert json.dumps(CLIENT).encode() in await reader.read()
            writer.close()

    run(main())


def test_what_cannot_be_is_said_and_leaves_nothing_open(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(ConfigurationError, match="deadline"):
            await streams.start_server(
                shop, ["127.0.0.1", "::1"], trust=LOOPBACK, deadline=0
            )
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            with pytest.raises(ConfigurationError, match="already"):
                await streams.start_server(shop, "::1", 0, sock=sock, trust=LOOPBACK)
        with pytest.raises(OSError, match="no address"):
            await streams.start_server(shop, "192.0.2.77", 0, trust=LOOPBACK)
        with pytest.raises(ValueError, match="only meaningful with ssl"):
            await streams.start_server(
                shop, "127.0.0.1", 0, trust=LOOPBACK, ssl_handshake_timeout=1.0
            )
        with pytest.raises(OSError, match=r"not known|No address|failure in name"):
            await streams.start_server(shop, "no.such.host.invalid", 0, trust=LOOPBACK)

    run(main())


def test_closing_the_clients() -> None:
    """As asyncio has it from Python 3.13 on; before, neither has it."""

    async def main(close: str) -> None:
        served = asyncio.Event()

        async def linger(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            served.set()
            await reader.read()
            writer.close()

        async with await streams.start_server(
            linger, "127.0.0.1", 0, trust=LOOPBACK
        ) as server:
            assert hasattr(server, close) == hasattr(asyncio.Server, close)
            if not hasattr(server, close):
                return
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(OCTETS)
            await served.wait()
            getattr(server, close)()
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()

    asyncio.run(main("close_clients"))
    asyncio.run(main("abort_clients"))


def test_a_default_context_of_tls_is_untouched(run: Run, authority: Authority) -> None:
    context = authority.server()

    async def main() -> None:
        async with await streams.start_server(
            shop, "127.0.0.1", 0, trust=LOOPBACK, ssl=context
        ):
            pass

    run(main())
    assert context.sslsocket_class is ssl.SSLSocket
