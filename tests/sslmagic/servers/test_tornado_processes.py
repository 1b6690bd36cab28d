"""Tornado in several processes: each has listeners, and none outlives the first."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.interop.authority import NAME
from tests.interop.peers import Address, Port, Process
from tests.sources import PROJECT
from tests.sslmagic.receiving import (
    CLIENT,
    OCTETS,
    PATIENCE,
)
from tests.sslmagic.servers.conduct import FORGED, asked

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


def test_an_application_that_watches_its_sources_is_reloaded(tmp_path: Path) -> None:
    port, directory = Port(), tmp_path / "watched"
    directory.mkdir()
    source = directory / "served.py"
    text = (
        "import sys\n"
        "from sslmagic import Trust\n"
        "from sslmagic.servers import tornado\n"
        "from tests.interop.serving.tornado import app\n"
        "print('first', flush=True)\n"
        "application = app(autoreload=True)\n"
        "trust = Trust(peers=['127.0.0.1'])\n"
        "tornado.run(application, int(sys.argv[1]), '127.0.0.1', trust=trust)\n"
    )
    source.write_text(text)
    with Process(
        [sys.executable, source, str(port.number)],
        log=tmp_path / "log",
        ports=[port],
        environment={"PYTHONPATH": str(PROJECT)},
    ) as process:
        assert asked(port.address)["client"] == list(CLIENT)
        written, pause = 0.0, 1.0

        def reloaded() -> bool:
            nonlocal written, pause
            # It looks twice a second, and what it has not looked at never changed.
            if time.monotonic() - written > pause:
                written, pause = time.monotonic(), pause * 2
                source.write_text(text.replace("first", "second"))
            return "second" in process.said()

        process.until(reloaded, "read the changed source")
        process.until(lambda: _serves(port), "served again")
        assert asked(port.address)["client"] == list(CLIENT)


def _serves(port: Port) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(port.address) == 0
