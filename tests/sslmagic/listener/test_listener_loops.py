"""Selectors and event loops watch a listener, and none accepts past it."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import ssl
from typing import Any

import pytest

from sslmagic.listener import Listener
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    connect,
    listening,
    open_descriptors,
    settled_descriptors,
)


@pytest.mark.parametrize("selector", [selectors.SelectSelector, selectors.PollSelector])
def test_any_selector_watches_it(listener: Listener, selector: Any) -> None:
    with selector() as watching, connect(listener, OCTETS):
        watching.register(listener, selectors.EVENT_READ)
        ((key, _),) = watching.select(PATIENCE)
        assert key.fileobj is listener
        listener.accept()[0].close()
        assert watching.select(0) == []


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
    before = settled_descriptors()
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
    before = settled_descriptors()

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
