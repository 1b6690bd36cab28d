"""A connection keeps its client, whatever task of the application reads on for it.

asyncio reads on in the context of whoever resumed reading, so that what runs for one
connection may run in the context of another.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sslmagic import Preamble, encode
from tests.interop.peers import Address, Port, Process
from tests.sources import PROJECT
from tests.sslmagic.receiving import DESTINATION, PATIENCE
from tests.sslmagic.servers.upgrade import UPGRADE

SERVERS: Mapping[str, Sequence[str]] = {
    **{
        f"uvicorn-{http}-{loop}": (
            *("uvicorn", "--http", http, "--loop", loop),
            *("--host", "127.0.0.1", "--port", "{port}"),
        )
        for http in ("httptools", "h11", "zttp")
        for loop in ("asyncio", "uvloop")
    },
    **{
        f"hypercorn-{loop}": (
            *("hypercorn", "--worker-class", loop, "--workers", "0"),
            *("--bind", "127.0.0.1:{port}"),
        )
        for loop in ("asyncio", "uvloop")
    },
    **{
        f"gunicorn-asgi-{loop}": (
            *("gunicorn", "-k", "asgi", "--asgi-loop", loop, "--no-control-socket"),
            *("--bind", "127.0.0.1:{port}"),
        )
        for loop in ("asyncio", "uvloop")
    },
}
APPLICATION = "tests.sslmagic.servers.worker_app:app"
MUCH = 400_000
"""Octets of a body for which every server pauses reading, and is told to read on."""
FORGED = UPGRADE.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")


class KeptAlive:
    """A connection behind a preamble, asked again and again."""

    def __init__(self, address: Address, preamble: Preamble) -> None:
        self._stream = socket.create_connection(address, PATIENCE)
        self._stream.sendall(encode(preamble, "magic"))

    def asked(self, body: int = 0) -> Any:
        """What the application sees, once it has read a body of so many octets."""
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % body
        return self._told(head + bytes(body))

    def upgraded(self) -> Any:
        """What it sees of a WebSocket whose request names another client."""
        return self._told(FORGED)

    def _told(self, request: bytes) -> Any:
        self._stream.sendall(request)
        said = b""
        while not (found := re.search(rb'\{"client".*\}\]\}', said)):
            part = self._stream.recv(65536)
            assert part, said
            assert b" 500 " not in part, part
            said += part
        return json.loads(found[0])

    def close(self) -> None:
        self._stream.close()


@pytest.mark.parametrize("server", SERVERS)
def test_a_connection_keeps_its_client_whoever_reads_on(
    server: str, tmp_path: Path
) -> None:
    port, direct = Port(), tmp_path / "direct.sock"
    module, *words = (word.format(port=port.number) for word in SERVERS[server])
    command = [sys.executable, "-m", f"sslmagic.servers.{module}", *words]
    command += [
        "--trust",
        "127.0.0.1",
        "--direct-listen",
        f"unix:{direct}",
        APPLICATION,
    ]
    with Process(
        command,
        log=tmp_path / "log",
        ports=[port],
        environment={"PYTHONPATH": str(PROJECT)},
    ) as process:
        # Nobody either, and the one in whose task everybody is answered.
        first = socket.socket(socket.AF_UNIX)
        process.until(lambda: first.connect_ex(str(direct)) == 0, "listened twice")
        first.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 200 " in first.recv(64)
        nobody = KeptAlive(port.address, Preamble.local())
        clients = {
            number: KeptAlive(
                port.address,
                Preamble(source=("203.0.113.9", number), destination=DESTINATION),
            )
            for number in (1, 2)
        }
        for _ in range(2):
            said = nobody.asked(MUCH)
            assert not (said["client"] or [""])[0]
            assert said["preamble"] is True
            for number, client in clients.items():
                assert client.asked(MUCH)["client"] == ["203.0.113.9", number]
        said = nobody.upgraded()
        assert not (said["client"] or [""])[0]
        assert said["preamble"] is True
        assert said["claims"] == []
        for number, client in clients.items():
            said = client.upgraded()
            assert said["client"] == ["203.0.113.9", number]
            assert said["claims"] == []
        for each in (nobody, *clients.values()):
            each.close()
        first.close()
