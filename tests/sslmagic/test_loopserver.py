"""Serving what a listener accepted on both loops, and naming whose it is."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Coroutine
from typing import Any

import pytest

from sslmagic import Preamble, encode
from sslmagic.listener import Listener
from sslmagic.listener.peername import PeerName
from sslmagic.loopserver import CLIENT, ClientTransport, LoopServer, teach
from tests.interop.authority import Authority
from tests.sslmagic.receiving import CLIENT as CLIENT_ADDRESS
from tests.sslmagic.receiving import (
    DESTINATION,
    LOOPBACK,
    OCTETS,
    PREAMBLE,
    listening,
)

uvloop = pytest.importorskip("uvloop")


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(main, 20))


class Keeper(asyncio.Protocol):
    """Keeps its transport and what it receives."""

    def __init__(self) -> None:
        self.made: asyncio.Future[asyncio.Transport] = asyncio.Future()
        self.received: asyncio.Future[bytes] = asyncio.Future()
        self.lost: asyncio.Future[None] = asyncio.Future()
        self.paused: list[bool] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.made.set_result(transport)

    def data_received(self, data: bytes) -> None:
        self.received.set_result(data)

    def pause_writing(self) -> None:
        self.paused.append(True)

    def resume_writing(self) -> None:
        self.paused.append(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)


async def serve(factory: Any, **tls: Any) -> LoopServer:
    listener = Listener(listening(), trust=LOOPBACK)
    server = LoopServer(listener, factory, backlog=100, tls={"ssl": None, **tls})
    await server.start_serving()
    return server


async def connect(
    server: LoopServer, octets: bytes = OCTETS
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(octets)
    return reader, writer


def test_a_transport_is_the_loops_own_but_for_its_names() -> None:
    async def main() -> None:
        keeper = Keeper()
        async with await serve(lambda: keeper) as server:
            _, writer = await connect(server, OCTETS + b"hello")
            transport = await keeper.made
            assert isinstance(transport, ClientTransport)
            own = transport.transport
            for name in ("write", "writelines", "close", "pause_reading", "abort"):
                assert getattr(transport, name) == getattr(own, name)
            assert transport.get_protocol() is keeper
            assert transport.is_reading()
            name = transport.get_extra_info("peername")
            assert name.preamble == PREAMBLE
            assert name == CLIENT_ADDRESS
            assert transport.get_extra_info("socket").getpeername() == CLIENT_ADDRESS
            assert own.get_extra_info("peername") == writer.get_extra_info("sockname")
            sockname = writer.get_extra_info("peername")
            assert transport.get_extra_info("sockname") == sockname
            assert transport.get_extra_info("socket").getsockname() == sockname
            assert transport.get_extra_info("nothing") is None
            assert transport.get_extra_info("nothing", 1) == 1
            assert await keeper.received == b"hello"
            writer.close()
            await keeper.lost
            assert transport.is_closing()
            assert transport.get_extra_info("peername") == CLIENT_ADDRESS

    run(main())


def test_back_pressure_reaches_the_protocol() -> None:
    async def main() -> None:
        keeper = Keeper()
        async with await serve(lambda: keeper) as server:
            reader, writer = await connect(server)
            transport = await keeper.made
            transport.set_write_buffer_limits(high=1000)
            transport.write(bytes(8_000_000))
            assert keeper.paused == [True]
            assert len(await reader.readexactly(8_000_000)) == 8_000_000
            assert keeper.paused == [True, False]
            transport.abort()
            await keeper.lost
            writer.close()

    run(main())


def test_another_protocol_may_take_over() -> None:
    async def main() -> None:
        keeper, other = Keeper(), Keeper()
        async with await serve(lambda: keeper) as server:
            _, writer = await connect(server)
            transport = await keeper.made
            transport.set_protocol(other)
            assert transport.get_protocol() is other
            writer.write(b"for the other")
            assert await other.received == b"for the other"
            writer.close()
            await other.lost

    run(main())


@pytest.mark.parametrize("debug", [True, False])
def test_a_factory_that_fails_ends_one_connection_only(debug: bool) -> None:
    failures = [ValueError("as the test says")]
    said: list[dict[str, Any]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_debug(debug)
        loop.set_exception_handler(lambda _, context: said.append(context))
        keeper = Keeper()

        def factory() -> Keeper:
            if failures:
                raise failures.pop()
            return keeper

        async with await serve(factory) as server:
            reader, writer = await connect(server)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            _, writer = await connect(server, OCTETS + b"x")
            assert await keeper.received == b"x"
            writer.close()
            await keeper.lost

    run(main())
    assert [str(context["exception"]) for context in said] == (
        ["as the test says"] * debug
    )


def test_start_tls_still_takes_transports_of_other_kinds(
    authority: Authority,
) -> None:
    """The loop is taught once, and what it could do before it does as before."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        keeper = Keeper()
        async with await serve(lambda: keeper) as server:
            taught = loop.start_tls
            again = await serve(Keeper)
            again.close()
            assert loop.start_tls is taught
            _, writer = await connect(server, OCTETS + b"STARTTLS")
            await keeper.received
            transport = await keeper.made
            upgraded = asyncio.ensure_future(
                loop.start_tls(
                    transport, asyncio.Protocol(), authority.server(), server_side=True
                )
            )
            await writer.start_tls(authority.client(), server_hostname="shop.example")
            secured = await upgraded
            assert isinstance(secured, ClientTransport)
            assert secured.get_extra_info("peername").preamble == PREAMBLE
            assert secured.get_extra_info("cipher") is not None
            secured.close()
            writer.close()
        with pytest.raises(TypeError, match="not supported"):
            await loop.start_tls(
                asyncio.Transport(), asyncio.Protocol(), authority.server()
            )

    run(main())


def test_nothing_is_left_of_a_connection() -> None:
    async def main() -> None:
        keepers = [Keeper() for _ in range(3)]
        left = iter(keepers)
        async with await serve(lambda: next(left)) as server:
            for keeper in keepers:
                _, writer = await connect(server)
                writer.close()
                await keeper.lost

    run(main())
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) is ClientTransport] == []


def test_a_closed_server_stays_closed() -> None:
    async def main() -> None:
        server = await serve(Keeper)
        assert server.get_loop() is asyncio.get_running_loop()
        assert "LoopServer" in repr(server)
        waiting = asyncio.ensure_future(server.wait_closed())
        server.close()
        server.close()
        await waiting
        await server.wait_closed()
        assert server.sockets == ()
        assert not server.is_serving()
        with pytest.raises(RuntimeError, match="closed"):
            await server.start_serving()

    run(main())


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


class Teller(asyncio.Protocol):
    """Answers with whom the context says it serves, from a task of its own."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        assert CLIENT.get() == transport.get_extra_info("peername")
        assert CLIENT.get().preamble is not None

    def data_received(self, data: bytes) -> None:
        self.telling = asyncio.get_running_loop().create_task(self.tell())

    async def tell(self) -> None:
        await asyncio.sleep(0)
        name: PeerName = CLIENT.get()
        self.transport.write(f"{name[0]}:{name[1]}".encode())
        self.transport.close()


@pytest.mark.parametrize("tls", [False, True])
def test_each_connection_has_a_context_of_its_own(
    new_loop: Any, authority: Authority, tls: bool
) -> None:
    """Hundreds at a time, and none sees another's client."""

    async def ask(address: tuple[str, int], number: int) -> None:
        client = (f"203.0.113.{number % 200}", 1024 + number)
        preamble = encode(Preamble(source=client, destination=DESTINATION), "magic")
        reader, writer = await asyncio.open_connection(*address)
        writer.write(preamble)
        if tls:
            context = authority.client()
            await writer.start_tls(context, server_hostname="shop.example")
        writer.write(b"who?")
        assert (await reader.read()).decode() == f"{client[0]}:{client[1]}"
        writer.close()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        teach(loop)
        server: Any = await loop.create_server(
            Teller,
            sock=Listener(listening(), trust=LOOPBACK),
            ssl=authority.server() if tls else None,
            backlog=1000,
        )
        assert isinstance(server, LoopServer)
        async with server:
            address = server.sockets[0].getsockname()
            await asyncio.gather(*(ask(address, number) for number in range(300)))

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.wait_for(main(), 50))


def test_a_loop_is_taught_to_make_listeners(new_loop: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        made: list[Listener] = []

        def listener(sock: Any) -> Listener:
            made.append(Listener(sock, trust=LOOPBACK))
            return made[-1]

        teach(loop)
        teach(loop, listener)
        keeper = Keeper()
        server: Any = await loop.create_server(
            lambda: keeper, sock=listening(), start_serving=False
        )
        assert not server.is_serving()
        await server.start_serving()
        _, writer = await connect(server)
        transport = await keeper.made
        assert transport.get_extra_info("peername") == CLIENT_ADDRESS
        assert len(made) == 1
        writer.close()
        await keeper.lost
        server.close()
        assert made[0].fileno() == -1

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.wait_for(main(), 20))


def test_a_taught_loop_serves_hosts_as_before(new_loop: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        teach(loop)

        async def echo(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            assert CLIENT.get(None) is None
            writer.write(await reader.readexactly(len(OCTETS)))
            writer.close()

        server: Any = await asyncio.start_server(echo, "127.0.0.1", 0)
        assert not isinstance(server, LoopServer)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(OCTETS)
        assert await reader.read() == OCTETS
        writer.close()
        server.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.wait_for(main(), 20))
