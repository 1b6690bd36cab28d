"""Who receives: a plain server that writes down what its kernel gives it, and ours."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sslmagic import Trust, sockets, streams
from sslmagic.listener.peername import PeerName
from sslmagic.reception import Counters

__all__ = ["Receiver", "Stage", "Stream", "listening", "recording", "streaming"]

_AT_ONCE = 1 << 16


class Watched(Protocol):
    """What has a descriptor."""

    def fileno(self) -> int: ...


@dataclass(slots=True, kw_only=True)
class Stream:
    """What a program read from one connection."""

    client: PeerName | None = None
    """Its client, where a listener of ours gave it."""
    octets: bytearray = field(default_factory=bytearray)
    ended: bool = False
    """Whether it was read to its end."""
    reset: bool = False
    """Whether that end was a failure."""


@dataclass(slots=True, kw_only=True)
class Receiver:
    """A server while it runs, and what it has received."""

    port: int
    streams: dict[int, Stream] = field(default_factory=dict[int, Stream])
    """By the TCP peer's port."""
    counters: Counters | None = None
    """Of a listener of ours."""

    def is_done(self, connections: int) -> bool:
        """Whether so many connections have come, and been refused or read to their end.

        A connection that was reset is still to be accepted, and is read to its end.
        """
        came = len(self.streams)
        if self.counters is not None:
            came = self.counters.accepted + sum(self.counters.refused.values())
            if len(self.streams) < self.counters.accepted:
                return False
        return came >= connections and all(
            stream.ended for stream in list(self.streams.values())
        )


class Stage:
    """One thread's sockets, and what is to be done once they are readable."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, what: Watched, act: Callable[[], object]) -> None:
        """Call *act* whenever it is readable."""
        self._selector.register(what, selectors.EVENT_READ, act)

    def forget(self, what: Watched) -> None:
        """Watch it no more."""
        self._selector.unregister(what)

    def step(self) -> None:
        """Wait a little while for something to do, and do it."""
        for key, _ in self._selector.select(0.02):
            key.data()

    def close(self) -> None:
        """Watch nothing any more."""
        self._selector.close()

    def read(self, connection: socket.socket, stream: Stream) -> None:
        """Write down what the connection has, to its end."""
        connection.setblocking(False)

        def readable() -> None:
            try:
                while octets := connection.recv(_AT_ONCE):
                    stream.octets += octets
            except BlockingIOError:
                return
            except OSError:
                stream.reset = True
            self.forget(connection)
            connection.close()
            stream.ended = True

        self.watch(connection, readable)


@contextlib.contextmanager
def recording(stage: Stage, host: str) -> Iterator[Receiver]:
    """Run a plain server, which closes after its peer did."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=4096) as listener:
        listener.setblocking(False)
        receiver = Receiver(port=listener.getsockname()[1])

        def accept() -> None:
            with contextlib.suppress(BlockingIOError):
                while True:
                    connection, name = listener.accept()
                    stream = receiver.streams[name[1]] = Stream()
                    stage.read(connection, stream)

        stage.watch(listener, accept)
        yield receiver
        stage.forget(listener)


@contextlib.contextmanager
def listening(stage: Stage, host: str, trust: Trust) -> Iterator[Receiver]:
    """Run our `Listener`, on the same thread."""
    with sockets.listen((host, 0), trust=trust, backlog=4096) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        receiver = Receiver(port=port, counters=listener.counters)

        def accept() -> None:
            while (connection := listener.ready()) is not None:
                client = connection.getpeername()
                stream = receiver.streams[client.peer.port] = Stream(client=client)
                stage.read(connection, stream)

        stage.watch(listener, accept)
        yield receiver
        stage.forget(listener)


@contextlib.contextmanager
def streaming(host: str, trust: Trust) -> Iterator[Receiver]:
    """Run our server of asyncio's streams, on a loop and thread of its own."""
    started = threading.Event()
    receivers: list[Receiver] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        client = writer.get_extra_info("peername")
        stream = receivers[0].streams[client.peer.port] = Stream(client=client)
        try:
            while octets := await reader.read(_AT_ONCE):
                stream.octets += octets
        except OSError:
            stream.reset = True
        writer.close()
        stream.ended = True

    async def serve() -> None:
        server = await streams.start_server(handle, host, trust=trust, backlog=4096)
        async with server:
            (listener,) = server.listeners
            port = listener.getsockname()[1]
            receivers.append(Receiver(port=port, counters=listener.counters))
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield receivers[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
