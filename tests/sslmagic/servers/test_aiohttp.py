"""aiohttp: sites beside its own, requests that know their client and no other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp import web

from sslmagic.servers import aiohttp
from tests.interop.authority import NAME
from tests.interop.peers import Port, Process
from tests.interop.serving.aiohttp import VARIANTS, app
from tests.interop.serving.variant import Server
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    listening,
    open_descriptors,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import FORGED, Rule, Running, asked, kept_by

COMMAND = [sys.executable, "-m", "sslmagic.servers.aiohttp"]
FUNCTION = "tests.interop.serving.aiohttp:app"
FILE = f"GET /file HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode()


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


def test_running_takes_aiohttps_options(tmp_path: Path) -> None:
    """Several hosts and paths, a coroutine for an application, and what it prints."""
    said: list[str] = []
    ended: list[str] = []
    paths = [tmp_path / "a.sock", tmp_path / "b.sock"]

    async def stopped(_: web.Application) -> None:
        ended.append("cleaned up")

    async def made() -> web.Application:
        application = app()
        application.on_cleanup.append(stopped)
        return application  # type: ignore[no-any-return]

    def stop(line: str) -> None:
        said.append(line)
        assert all(path.is_socket() for path in paths)
        raise web.GracefulExit

    aiohttp.run(
        made(),
        trust=LOOPBACK,
        host=["127.0.0.1", "::1"],
        port=0,
        path=paths,
        sock=listening(),
        direct_listen="127.0.0.1:0",
        print=stop,
        shutdown_timeout=1,
        keepalive_timeout=1,
        access_log=None,
        loop=uvloop.new_event_loop(),
    )
    assert ended == ["cleaned up"]
    assert said[0].count("http://127.0.0.1:") == 3
    assert said[0].count("http://[::1]:") == 1
    assert said[0].count("http://unix:") == 2


def test_the_file_of_a_second_address_goes_with_its_server(tmp_path: Path) -> None:
    path = tmp_path / "direct.sock"

    def stop(_: str) -> None:
        assert path.is_socket()
        raise web.GracefulExit

    before = settled_descriptors()
    where: dict[str, Any] = {"host": "127.0.0.1", "port": 0}
    aiohttp.run(
        app(), trust=LOOPBACK, direct_listen=f"unix:{path}", print=stop, **where
    )
    assert not path.exists()
    assert open_descriptors() == before


@contextlib.contextmanager
def access_logger() -> Iterator[logging.Logger]:
    """aiohttp's own, as it is in a program that has set up no logging."""
    logger = logging.getLogger("aiohttp.access")
    before = logger.level, logger.propagate, logger.handlers[:]
    logger.setLevel(logging.NOTSET)
    logger.propagate = False
    logger.handlers[:] = []
    try:
        yield logger
    finally:
        logger.setLevel(before[0])
        logger.propagate, logger.handlers[:] = before[1:]


@pytest.mark.parametrize(
    ("debug", "options", "level"),
    [
        (True, {}, logging.DEBUG),
        (False, {}, logging.NOTSET),
        (True, {"access_log": None}, logging.NOTSET),
        (True, {"access_log": logging.getLogger("shop")}, logging.NOTSET),
    ],
)
def test_in_debug_mode_the_access_log_is_seen(
    debug: bool, options: dict[str, Any], level: int
) -> None:
    def stop(_: str) -> None:
        raise web.GracefulExit

    loop = asyncio.new_event_loop()
    loop.set_debug(debug)
    where: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "loop": loop}
    with access_logger() as logger:
        aiohttp.run(app(), trust=LOOPBACK, print=stop, **where, **options)
        assert logger.level == level
        assert len(logger.handlers) == (level == logging.DEBUG)


def test_a_task_that_fails_when_it_is_cancelled_is_told_of() -> None:
    told: list[dict[str, Any]] = []

    async def fails() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise ValueError("as the test says")

    async def begin(application: web.Application) -> None:
        tasks.append(asyncio.create_task(fails()))

    def stop(_: str) -> None:
        raise web.GracefulExit

    tasks: list[asyncio.Task[None]] = []
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    application = app()
    application.on_startup.append(begin)
    # By a turn of the loop, so that it has begun.
    application.on_startup.append(lambda _: asyncio.sleep(0))
    where: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "loop": loop}
    aiohttp.run(application, trust=LOOPBACK, print=stop, **where)
    assert [(one["task"], str(one["exception"])) for one in told] == [
        (tasks[0], "as the test says")
    ]


def test_running_ends_its_requests_before_its_tasks(tmp_path: Path) -> None:
    """A request that is being answered when SIGTERM comes is answered."""
    source = tmp_path / "slow.py"
    source.write_text(
        "import asyncio\n"
        "from aiohttp import web\n"
        "async def here(request):\n"
        "    print('begun', flush=True)\n"
        "    stopping = request.app['stopping']\n"
        "    await stopping.wait()\n"
        "    return web.Response(text='whole')\n"
        "async def stop(app):\n"
        "    app['stopping'].set()\n"
        "def app(arguments):\n"
        "    app = web.Application()\n"
        "    app['stopping'] = asyncio.Event()\n"
        "    app.on_shutdown.append(stop)\n"
        "    app.router.add_get('/', here)\n"
        "    return app\n"
    )
    port = Port()
    words = [
        "slow:app",
        "--trust",
        "127.0.0.1",
        "-H",
        port.host,
        "-P",
        str(port.number),
    ]
    with (
        Process(
            [*COMMAND, *words],
            log=tmp_path / "log",
            ports=[port],
            environment={"PYTHONPATH": str(tmp_path)},
        ) as process,
        socket.create_connection(port.address, PATIENCE) as stream,
    ):
        stream.sendall(OCTETS + b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        process.until_said("begun")
        assert process.end() == 0
        assert b"whole" in b"".join(iter(lambda: stream.recv(65536), b""))


@pytest.mark.parametrize("where", ["tcp", "unix", "both"])
def test_the_command_takes_its_own_options(where: str, tmp_path: Path) -> None:
    port, second, path = Port(), Port(), tmp_path / "web.sock"
    tcp = ["-P", str(port.number), "--hostname", port.host]
    words = {"tcp": tcp, "unix": ["-U", str(path)], "both": [*tcp, f"--path={path}"]}
    ours = ["--trust", "127.0.0.0/8", "--trust=unix", "--direct-listen", str(second)]
    ports = [second] if where == "unix" else [port, second]
    with Process(
        [*COMMAND, *ours, FUNCTION, *words[where], "--its-own"],
        log=tmp_path / "log",
        ports=ports,
    ) as process:
        if where != "unix":
            assert asked(port.address, request=FORGED)["client"] == list(CLIENT)
        if where != "tcp":
            assert asked(Server(process=process, address=path))["preamble"] is True
        assert path.is_socket() is (where != "tcp")
        assert asked(second.address, b"", request=FORGED)["client"][0] == "127.0.0.1"
        assert process.end() == 0
    port.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing"], 2, "module:function"),
        ([".here:app"], 2, "module:function"),
        (["tests.nowhere:app"], 2, "nowhere"),
        (["tests.interop.serving.aiohttp:nothing"], 2, "nothing"),
        ([FUNCTION, "--deadline", "0", "-P", "0"], 78, "deadline"),
        ([FUNCTION, "--direct-listen", "192.0.2.1:1", "-P", "0"], 69, "192.0.2.1:1"),
        ([FUNCTION, "--direct-listen", "nowhere", "-P", "0"], 78, "direct_listen"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str],
    code: int,
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    with pytest.raises(SystemExit) as ended:
        aiohttp.main([*words, "--trust", "127.0.0.0/8"])
    assert ended.value.code == code
    assert said in capfd.readouterr().err
