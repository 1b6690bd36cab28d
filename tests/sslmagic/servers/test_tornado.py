"""Tornado: its own server over listeners, its requests from clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body
from tornado.wsgi import WSGIContainer

from sslmagic import Endpoint, Preamble, UnixEndpoint, encode
from sslmagic.errors import ConfigurationError
from sslmagic.listener import listeners
from sslmagic.servers import tornado
from sslmagic.servers.tornado import Server, client, listen
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Address, Port, Process
from tests.interop.serving.tornado import VARIANTS, app
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    listening,
    open_descriptors,
)
from tests.sslmagic.servers.conduct import FORGED, Rule, Running, asked, kept_by

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def runs(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(asyncio.wait_for(main, PATIENCE))

    return runs


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


async def spoken(
    server: Server, octets: bytes, *, before: bytes = OCTETS, number: int = 0
) -> bytes:
    """What the server answers at one of its addresses, to its end."""
    stream = socket.create_connection(address(server, number), PATIENCE)
    stream.sendall(before)
    reader, writer = await asyncio.open_connection(sock=stream)
    writer.write(octets)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def address(server: Server, number: int = 0) -> Address:
    host, port = list(server._sockets.values())[number].getsockname()
    return host, port


async def ended(server: Server) -> None:
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize("option", ["xheaders", "trusted_downstream"])
def test_its_own_trust_in_headers_is_refused(option: str) -> None:
    options: dict[str, Any] = {option: ["10.0.0.1"]}
    with pytest.raises(ConfigurationError, match=option):
        Server(app(), trust=LOOPBACK, **options)
    with pytest.raises(ConfigurationError, match=option):
        tornado.run(app(), 0, trust=LOOPBACK, **options)


def test_its_own_mistakes_stay_its_own() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        Server(app(), trust=LOOPBACK, nonsense=1)


def test_listening_and_adding_sockets_take_preambles_off(run: Any) -> None:
    async def main() -> None:
        server = Server(app(), trust=LOOPBACK)
        server.listen(0, "127.0.0.1")
        server.add_socket(listening())
        server.add_sockets(bind_sockets(0, "127.0.0.1"))
        for number in range(3):
            answer = await spoken(server, FORGED, number=number)
            assert b'"client": ["203.0.113.9", 51234]' in answer
            assert b'"claims": []' in answer
        await ended(server)
        assert listeners() == ()

    run(main())


def test_every_request_of_a_connection_has_its_client(run: Any) -> None:
    async def main() -> None:
        server = listen(app(), 0, "127.0.0.1", trust=LOOPBACK)
        first = FORGED.replace(b"Connection: close\r\n", b"")
        answer = await spoken(server, first + first + FORGED)
        assert answer.count(b'"client": ["203.0.113.9", 51234]') == 3
        assert answer.count(b'"claims": []') == 3
        await ended(server)

    run(main())


@pytest.mark.parametrize(
    ("octets", "host"),
    [
        (encode(Preamble.local(), "magic"), ""),
        (
            encode(
                Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b")),
                "magic",
            ),
            "/a",
        ),
        (OCTETS, CLIENT[0]),
    ],
    ids=["local", "unix", "ip"],
)
def test_behind_a_unix_socket_the_client_is_who_it_is(
    run: Any, tmp_path: Path, octets: bytes, host: str
) -> None:
    path = tmp_path / "server.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    async def main() -> None:
        server = Server(app(), trust=LOOPBACK)
        server.add_socket(listener)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(octets + FORGED)
        answer = await reader.read()
        assert f'"client": ["{host}", '.encode() in answer
        assert b'"claims": []' in answer
        writer.close()
        await writer.wait_closed()
        await ended(server)

    run(main())


def test_a_client_of_its_own_server_is_the_peer(run: Any) -> None:
    async def main() -> None:
        server = app().listen(0, "127.0.0.1")
        answer = await spoken(server, FORGED, before=b"")
        said = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert said["client"][0] == "127.0.0.1"
        assert said["preamble"] is False
        await ended(server)

    run(main())


def test_callbacks_and_wsgi_and_bodies_get_through(run: Any) -> None:
    body = b"a" * 100_000
    seen: list[Any] = []
    closed = asyncio.Event()

    @stream_request_body
    class Streamed(RequestHandler):
        def initialize(self) -> None:
            self.octets = 0

        def data_received(self, chunk: bytes) -> None:
            self.octets += len(chunk)

        def post(self) -> None:
            seen.append((client(self.request), self.octets, self.request.remote_ip))

        def on_connection_close(self) -> None:
            closed.set()

    def callback(request: HTTPServerRequest) -> None:
        name = client(request)
        seen.append((name, len(request.body), request.remote_ip))
        assert name.preamble == PREAMBLE
        assert name.peer == Endpoint("127.0.0.1", name.peer.port)  # type: ignore[union-attr]
        assert "X-Forwarded-For" not in request.headers
        assert request.connection is not None
        request.connection.finish()

    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        length = len(environ["wsgi.input"].read())
        seen.append((CLIENT, length, environ["REMOTE_ADDR"]))
        seen.extend(name for name in environ if "FORWARDED" in name)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    request = FORGED.replace(b"GET", b"POST").replace(
        b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )

    async def main() -> None:
        for application in (
            Application([("/", Streamed)]),
            callback,
            WSGIContainer(wsgi),
        ):
            server = listen(application, 0, "127.0.0.1", trust=LOOPBACK)
            await spoken(server, request)
            await ended(server)
        server = listen(Application([("/", Streamed)]), 0, "127.0.0.1", trust=LOOPBACK)
        with socket.create_connection(address(server), PATIENCE) as stream:
            stream.sendall(OCTETS + request[:-1])
        await closed.wait()
        await ended(server)

    run(main())
    assert seen == [(CLIENT, len(body), CLIENT[0])] * 3


def test_tornados_own_options_are_its_own(run: Any, authority: Authority) -> None:
    async def main() -> None:
        server = listen(
            app(),
            0,
            "localhost",
            trust=LOOPBACK,
            direct_listen=["127.0.0.1:0"],
            family=socket.AF_INET,
            backlog=7,
            max_header_size=1000,
            ssl_options={
                "certfile": str(authority.certificate),
                "keyfile": str(authority.key),
            },
        )
        assert server.conn_params.max_header_size == 1000
        first, second = server._sockets.values()
        assert not first.getblocking()
        for each, before in ((first, OCTETS), (second, b"")):
            said = await asyncio.to_thread(
                asked, each.getsockname(), before, authority=authority
            )
            assert said["preamble"] is (each is first)
        await ended(server)

    run(main())


def test_what_cannot_be_had_leaves_nothing_open(tmp_path: Path) -> None:
    port = Port()
    with port._held as held:
        held.listen()
        before = open_descriptors()
        places: list[dict[str, Any]] = [{"port": 0}, {"path": tmp_path / "server.sock"}]
        for where in places:
            with pytest.raises(OSError, match="in use"):
                tornado.run(app(), **where, trust=LOOPBACK, direct_listen=str(port))
        assert open_descriptors() == before


def test_neither_or_both_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither"):
        tornado.run(app(), trust=LOOPBACK)
    with pytest.raises(ConfigurationError, match="and a path"):
        tornado.run(app(), 0, path=tmp_path / "server.sock", trust=LOOPBACK)


PROCESSES = {
    "run": "tornado.run(app(), port, '127.0.0.1', processes=2, trust=trust)",
    "start": """
import warnings
from tornado.ioloop import IOLoop
server = tornado.Server(app(), trust=trust)
server.bind(port, "127.0.0.1")
server.start(2)
warnings.simplefilter("ignore")
IOLoop.current().start()
""",
    "fork_processes": """
import asyncio
from tornado.netutil import bind_sockets
from tornado.process import fork_processes
sockets = bind_sockets(port, "127.0.0.1")
fork_processes(2)
async def main():
    tornado.Server(app(), trust=trust).add_sockets(sockets)
    await asyncio.Event().wait()
asyncio.run(main())
""",
}
SEVERAL = """
import sys
from sslmagic import Trust
from sslmagic.servers import tornado
from tests.interop.serving.tornado import app
port, trust = int(sys.argv[1]), Trust(["127.0.0.0/8"])
"""


@contextlib.contextmanager
def processes(directory: Path, way: str) -> Iterator[tuple[Process, Address, set[int]]]:
    """A server of two processes, its address, and the two."""
    source = directory / "several.py"
    source.write_text(SEVERAL + PROCESSES[way])
    port = Port()
    with Process(
        [sys.executable, source, str(port.number)],
        log=directory / "log",
        ports=[port],
        environment={"PYTHONPATH": str(Path.cwd())},
    ) as process:
        process.until(lambda: len(_children(process.pid)) == 2, "forked")
        yield process, port.address, _children(process.pid)


def _children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@contextlib.contextmanager
def ends(pids: Iterable[int]) -> Iterator[None]:
    """Whoever these are, they have ended soon after what is done here."""
    watched = [os.pidfd_open(pid) for pid in pids]
    try:
        yield
        for one in watched:
            assert select.select([one], [], [], PATIENCE)[0]
    finally:
        for one in watched:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(one, signal.SIGKILL)
            os.close(one)


@pytest.mark.parametrize("way", PROCESSES)
def test_each_process_has_a_listener_of_its_own(tmp_path: Path, way: str) -> None:
    with processes(tmp_path, way) as (process, where, children), ends(children):
        # Whoever is stopped leaves every connection to the other one.
        for pid in children:
            os.kill(pid, signal.SIGSTOP)
            said = [asked(where, request=FORGED)["client"] for _ in range(3)]
            assert said == [list(CLIENT)] * 3
            os.kill(pid, signal.SIGCONT)
        for pid in (process.pid, *children):
            os.kill(pid, signal.SIGKILL)


def test_a_process_that_fails_is_replaced(tmp_path: Path) -> None:
    with processes(tmp_path, "run") as (process, where, children), ends(children):
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        process.until(
            lambda: len(_children(process.pid) - children) == 2, "replaced both"
        )
        assert asked(where, request=FORGED)["client"] == list(CLIENT)
        with ends(_children(process.pid)):
            assert process.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_the_first(tmp_path: Path, number: signal.Signals) -> None:
    with processes(tmp_path, "run") as (process, where, children), ends(children):
        asked(where)
        with ends([process.pid]):
            os.kill(process.pid, number)
        assert process.end() == (-number if number == signal.SIGKILL else 0)


def test_sigterm_waits_for_nobody(tmp_path: Path) -> None:
    """A request that nobody answers, a WebSocket, and a client that says nothing."""
    source = tmp_path / "slow.py"
    source.write_text(
        "import asyncio, sys\n"
        "from tornado.web import Application, RequestHandler\n"
        "from sslmagic import Trust\n"
        "from sslmagic.servers import tornado\n"
        "class Slow(RequestHandler):\n"
        "    async def get(self):\n"
        "        print('begun', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "tornado.run(Application([('/', Slow)]), path=sys.argv[1],\n"
        "            trust=Trust(['unix']))\n"
    )
    path = tmp_path / "server.sock"
    with Process([sys.executable, source, path], log=tmp_path / "log") as process:
        process.until(path.is_socket, "listened")
        with (
            socket.socket(socket.AF_UNIX) as stream,
            socket.socket(socket.AF_UNIX) as silent,
        ):
            for each in (stream, silent):
                each.settimeout(PATIENCE)
                each.connect(str(path))
            stream.sendall(OCTETS + f"GET / HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode())
            process.until_said("begun")
            assert process.end() == 0
    assert not path.exists()
