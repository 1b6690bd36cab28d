"""HTTPS servers on the library, one for each way of doing I/O, that name the client."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from sslmagic import Trust, sockets, streams
from tests.interop.client import PATIENCE
from tests.interop.peers import Address

__all__ = ["BACKENDS", "LOOPBACK_PEERS", "Backend", "respond", "serve"]

LOOPBACK_PEERS = ("127.0.0.1", "::1")

Listen = Callable[
    [str, Trust, ssl.SSLContext | None], contextlib.AbstractContextManager[Address]
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One of the library's servers."""

    name: str
    listen: Listen


def serve(
    backend: Backend,
    host: str,
    *,
    formats: str | tuple[str, ...],
    tls: ssl.SSLContext | None,
) -> contextlib.AbstractContextManager[Address]:
    """Runs a server that believes what 127.0.0.1 and ::1 say in these formats.

    Without a format it reads no preamble, and takes every peer for a client.
    """
    if not formats:
        return backend.listen(host, Trust(others="direct"), tls)
    formats = (formats,) if isinstance(formats, str) else formats
    return backend.listen(host, Trust(peers=LOOPBACK_PEERS, formats=formats), tls)


def respond(name: object) -> bytes:
    """An HTTP response that tells the peer name and what the preamble said."""
    preamble = getattr(name, "preamble", None)
    said = {
        "client": list(name)[:2] if isinstance(name, tuple) else name,
        "destination": None if preamble is None else preamble.destination,
        "tlvs": [] if preamble is None else [tlv.name for tlv in preamble.tlvs],
    }
    body = json.dumps(said).encode()
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


@contextlib.contextmanager
def _sockets(host: str, trust: Trust, tls: ssl.SSLContext | None) -> Iterator[Address]:
    stop, stopped = socket.socketpair()
    with (
        stop,
        stopped,
        sockets.listen((host, 0), trust=trust, ssl=tls) as listener,
        selectors.DefaultSelector() as selector,
        ThreadPoolExecutor(8) as pool,
    ):
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(stopped, selectors.EVENT_READ)

        def accept() -> None:
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if stopped in ready:
                    return
                # A peer that is refused makes the listener readable as well.
                with contextlib.suppress(BlockingIOError):
                    pool.submit(converse, listener.accept()[0])

        def converse(connection: socket.socket) -> None:
            # A client that leaves, or fails the handshake, is the test's to see.
            with connection, contextlib.suppress(OSError):
                connection.settimeout(PATIENCE)
                request = b""
                while b"\r\n\r\n" not in request:
                    part = connection.recv(65536)
                    if not part:
                        return
                    request += part
                connection.sendall(respond(connection.getpeername()))

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[:2]
        finally:
            stop.send(b"\0")
            accepting.join()


def _streams(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Listen:
    async def converse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # A client that leaves is the test's to see.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(PATIENCE):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(respond(writer.get_extra_info("peername")))
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    @contextlib.contextmanager
    def listen(
        host: str, trust: Trust, tls: ssl.SSLContext | None
    ) -> Iterator[Address]:
        started: Future[tuple[Address, Callable[[], object]]] = Future()

        async def run() -> None:
            ended = asyncio.Event()
            loop = asyncio.get_running_loop()
            try:
                server = await streams.start_server(
                    converse, host, 0, trust=trust, ssl=tls
                )
            except BaseException as error:
                started.set_exception(error)
                raise
            address = server.sockets[0].getsockname()[:2]
            end = functools.partial(loop.call_soon_threadsafe, ended.set)
            async with server:
                started.set_result((address, end))
                await ended.wait()

        def serve_until_ended() -> None:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(run())

        serving = threading.Thread(target=serve_until_ended)
        serving.start()
        address, end = started.result(PATIENCE)
        try:
            yield address
        finally:
            end()
            serving.join()

    return listen


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


BACKENDS = (
    Backend(name="sockets", listen=_sockets),
    Backend(name="asyncio", listen=_streams(asyncio.new_event_loop)),
    Backend(name="uvloop", listen=_streams(_uvloop)),
)
