"""websockets on loops: its own servers, whose connections are clients'."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import signal
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import websockets.asyncio.server
from websockets.asyncio.server import Server, ServerConnection, basic_auth
from websockets.datastructures import Headers
from websockets.http11 import Request

from sslmagic import Preamble, UnixEndpoint, encode
from sslmagic.errors import ConfigurationError
from sslmagic.listener import listeners
from sslmagic.servers import websockets as behind
from sslmagic.servers.websockets import introduced, serve, unix_serve
from tests.interop.authority import Authority
from tests.interop.peers import Address, Port
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant, serving
from tests.interop.serving.websockets import VARIANTS, plain, said
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    ended,
    listening,
    open_descriptors,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import Rule, Running, kept_by
from tests.sslmagic.servers.upgrade import UPGRADE, told

BOTH = [variant for variant in VARIANTS if variant.name != "websockets-sync"]


async def handler(connection: ServerConnection) -> None:
    await connection.send(said(connection))
    await connection.wait_closed()


def address(server: Server, number: int = 0) -> Address:
    host, port = server.sockets[number].getsockname()[:2]
    return host, port


async def heard(where: Address | Path, *words: Any, **more: Any) -> dict[str, Any]:
    return await asyncio.to_thread(told, where, *words, **more)


@kept_by(*BOTH)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_signal_closes_connections_in_due_form(
    variant: Variant, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(variant, Place(), directory=tmp_path) as server:
        assert isinstance(server.address, tuple)
        with socket.create_connection(server.address, PATIENCE) as stream:
            stream.sendall(OCTETS + UPGRADE)
            while b'"claims"' not in stream.recv(65536):
                pass
            signal.pidfd_send_signal(server.process._pidfd, number)
            # 1001, going away; and the server awaits as much of us.
            assert stream.recv(4) == b"\x88\x02\x03\xe9"
            stream.sendall(b"\x88\x82\0\0\0\0\x03\xe9")
            assert ended(stream)
        assert select.select([server.process._pidfd], [], [], PATIENCE)[0]
        assert server.process.end() == 0


def test_it_is_the_librarys_server(run: Any, authority: Authority) -> None:
    async def main() -> None:
        context = authority.server()
        places: dict[str, Any] = {
            "host": "localhost",
            "family": socket.AF_INET,
            "port": 0,
        }
        async with serve(handler, **places, trust=LOOPBACK, ssl=context) as server:
            assert type(server) is Server
            assert server.is_serving()
            assert (await heard(address(server), authority=authority))["preamble"]
        assert not server.is_serving()
        assert listeners() == ()
        server = await serve(handler, "127.0.0.1", 0, trust=LOOPBACK, reuse_port=True)
        forever = asyncio.ensure_future(server.serve_forever())
        assert (await heard(address(server)))["client"] == list(CLIENT)
        forever.cancel()
        await asyncio.wait([forever])
        assert listeners() == ()

    run(main())


def test_every_address_of_a_name_is_listened_on(run: Any) -> None:
    async def main() -> None:
        server = await serve(
            handler,
            ["127.0.0.1", "::1"],
            0,
            trust=LOOPBACK,
            direct_listen="127.0.0.1:0",
            start_serving=False,
        )
        assert len(server.sockets) == 3
        assert not server.is_serving()
        await server.start_serving()
        assert (await heard(address(server, 0)))["client"] == list(CLIENT)
        assert address(server, 1)[0] == "::1"
        assert (await heard(address(server, 2), b""))["client"][0] == "127.0.0.1"
        server.close()
        await server.wait_closed()
        assert listeners() == ()

    run(main())


def test_the_loop_is_as_it_was(run: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        before = vars(loop).get("create_server")
        async with serve(handler, "127.0.0.1", 0, trust=LOOPBACK):
            # uvloop is taught for good: what it is taught stays.
            taught = vars(loop).get("create_server")
        async with serve(handler, "127.0.0.1", 0, trust=LOOPBACK):
            assert vars(loop).get("create_server") is taught
        if before is None and isinstance(loop, asyncio.SelectorEventLoop):
            assert taught is None
        # And to start two at once disturbs neither.
        both = [serve(handler, "127.0.0.1", 0, trust=LOOPBACK) for _ in range(2)]
        servers = await asyncio.gather(*(each.__aenter__() for each in both))
        for server in servers:
            assert (await heard(address(server)))["client"] == list(CLIENT)
        own = await websockets.asyncio.server.serve(handler_of_its_own, "127.0.0.1", 0)
        assert await heard(address(own), b"") == {"client": "127.0.0.1"}
        for server in (*servers, own):
            server.close()
            await server.wait_closed()

    async def handler_of_its_own(connection: ServerConnection) -> None:
        await connection.send(json.dumps({"client": connection.remote_address[0]}))
        await connection.wait_closed()

    run(main())


def test_a_unix_socket_leaves_no_file(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "server.sock"
        named = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))
        for octets, client in (
            (OCTETS, list(CLIENT)),
            (encode(named, "magic"), "/a"),
            (encode(Preamble.local(), "magic"), ""),
        ):
            async with unix_serve(handler, path, trust=LOOPBACK):
                answer = await heard(path, octets)
                assert answer["client"] == client
                assert answer["claims"] == []
            assert not await asyncio.to_thread(path.exists)

    run(main())


def test_a_successor_takes_a_unix_socket_over(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "server.sock"
        async with unix_serve(handler, path, trust=LOOPBACK):
            successor = await unix_serve(handler, path, trust=LOOPBACK)
        assert (await heard(path, OCTETS))["client"] == list(CLIENT)
        successor.close()
        await successor.wait_closed()
        assert not await asyncio.to_thread(path.exists)

    run(main())


def test_the_file_of_a_second_address_goes_with_its_server(
    run: Any, tmp_path: Path
) -> None:
    path = tmp_path / "direct.sock"

    async def main() -> None:
        before: set[str] | None = None
        for _ in range(2):
            async with serve(
                handler, "127.0.0.1", 0, trust=LOOPBACK, direct_listen=f"unix:{path}"
            ):
                assert (await heard(path, b""))["client"] == ""
            assert not await asyncio.to_thread(path.exists)
            # Whatever the loop opens once is open now.
            before = before or settled_descriptors()
        assert open_descriptors() == before

    run(main())


def test_an_abstract_name_serves_and_closes(run: Any) -> None:
    async def main() -> None:
        name = f"\0sslmagic-{os.getpid()}-websockets"
        for _ in range(2):
            async with unix_serve(handler, name, trust=LOOPBACK):
                with socket.socket(socket.AF_UNIX) as stream:
                    stream.connect(name)

    run(main())


def test_what_cannot_be_had_leaves_nothing_open(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        port = Port()
        with port._held as held:
            held.listen()
            # Whatever the loop opens once is open now.
            async with serve(handler, "127.0.0.1", 0, trust=LOOPBACK):
                pass
            before = settled_descriptors()
            path = tmp_path / "server.sock"
            for error, match, server in (
                (OSError, "in use", serve(handler, *port.address, trust=LOOPBACK)),
                (
                    OSError,
                    "in use",
                    unix_serve(handler, path, trust=LOOPBACK, direct_listen=str(port)),
                ),
                (
                    TypeError,
                    "nonsense",
                    serve(handler, "127.0.0.1", 0, trust=LOOPBACK, nonsense=1),
                ),
            ):
                with pytest.raises(error, match=match):
                    async with server:
                        pytest.fail("it started")
            with pytest.raises(ConfigurationError, match="deadline"):
                _ = unix_serve(handler, path, trust=LOOPBACK, deadline=0)
            assert not await asyncio.to_thread(path.exists)
            assert open_descriptors() == before

    run(main())


def test_places_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="and a path"):
        behind.run(handler, "127.0.0.1", path=tmp_path / "a", trust=LOOPBACK)
    with listening() as sock, pytest.raises(ConfigurationError, match="sock="):
        behind.run(handler, "127.0.0.1", sock=sock, trust=LOOPBACK)


def test_websockets_own_options_are_its_own(run: Any, authority: Authority) -> None:
    seen: list[Any] = []

    class Connection(ServerConnection):
        pass

    async def process_request(connection: Any, request: Request) -> Any:
        seen.append((type(connection), "X-Forwarded-For" in request.headers))
        return await basic_auth(credentials=("alice", "secret"))(connection, request)

    def process_response(connection: Any, request: Request, response: Any) -> None:
        response.headers["X-More"] = "more"

    async def main() -> None:
        async with serve(
            handler,
            trust=LOOPBACK,
            sock=listening(),
            ssl=authority.server(),
            ssl_handshake_timeout=PATIENCE,
            process_request=process_request,
            process_response=process_response,
            create_connection=Connection,
            server_header=None,
        ) as server:
            fields = [
                ("X-Forwarded-For", "::6"),
                ("Authorization", "Basic YWxpY2U6c2VjcmV0"),
            ]
            answer = await heard(address(server), authority=authority, claims=fields)
            assert answer["client"] == list(CLIENT)
            with pytest.raises(Exception, match="401"):
                await heard(address(server), authority=authority)

    run(main())
    assert seen == [(Connection, False)] * 2


@pytest.mark.parametrize("keep_alive", [None, True])
def test_connections_are_kept_alive_as_create_server_does(
    run: Any, keep_alive: bool | None
) -> None:
    async def main() -> None:
        seen: list[int] = []

        async def noting(connection: ServerConnection) -> None:
            sock = connection.transport.get_extra_info("socket")
            seen.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            await connection.send(said(connection))

        second = Port()
        async with serve(
            noting,
            "127.0.0.1",
            0,
            trust=LOOPBACK,
            direct_listen=str(second),
            keep_alive=keep_alive,
        ) as server:
            await heard(address(server), OCTETS)
            await heard(second.address, b"")
        second.close()
        assert seen == [int(bool(keep_alive))] * 2

    run(main())


def test_which_options_of_create_server_there_are_is_said(run: Any) -> None:
    async def main() -> None:
        server = serve(handler, "127.0.0.1", 0, trust=LOOPBACK, nonsense=1)
        with pytest.raises(TypeError, match=r"option nonsense: .* keep_alive, .*port"):
            async with server:
                pytest.fail("it started")

    run(main())


def test_a_connection_that_nobody_knows_is_answered_500(caplog: Any, run: Any) -> None:
    async def main() -> None:
        server = await websockets.asyncio.server.serve(
            handler, "127.0.0.1", 0, process_request=introduced(plain)
        )
        with caplog.at_level(logging.CRITICAL, "websockets.server"):
            with pytest.raises(Exception, match="500"):
                await heard(address(server), b"")
        server.close()
        await server.wait_closed()

    run(main())


def test_spellings_that_an_application_may_confuse_are_gone() -> None:
    name = SimpleNamespace(remote_address=named())
    headers = Headers(
        [("X_Forwarded_For", "a"), ("x-forwarded-for", "b"), ("Via", "c")]
    )
    headers["X-Forwarded-For"] = "d"
    assert introduced(None)(name, Request("/", headers)) is None
    assert list(headers.raw_items()) == [("Via", "c")]


def named() -> Any:
    from sslmagic.listener.peername import peer_name
    from sslmagic.preamble import Endpoint

    return peer_name(PREAMBLE.source, PREAMBLE, Endpoint("127.0.0.1", 1))
