"""Whose an application of uvicorn's is, whatever that application does."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import pytest

from sslmagic import Preamble, encode
from sslmagic.servers.uvicorn_config import ClientConfig
from tests.interop.client import REQUEST
from tests.interop.peers import Address, Port, Process
from tests.sources import PROJECT
from tests.sslmagic.receiving import DESTINATION, OCTETS, PATIENCE
from tests.sslmagic.servers.conduct import asked

APPS = "tests.sslmagic.servers"
TRUST = ("--trust", "127.0.0.1")
HTTPS = ("httptools", "h11", "zttp")


def served(
    module: str, *words: object, directory: Path, ports: list[Port], **environment: str
) -> Process:
    command = [sys.executable, "-m", f"sslmagic.servers.{module}", *TRUST]
    environment = {"PYTHONPATH": str(PROJECT), **environment}
    return Process(
        [*command, *map(str, words)],
        log=directory / "log",
        ports=ports,
        environment=environment,
    )


class KeptAlive:
    """A connection behind a preamble, asked again and again."""

    def __init__(self, address: Address, preamble: Preamble) -> None:
        self._stream = socket.create_connection(address, PATIENCE)
        self._stream.sendall(encode(preamble, "magic"))

    def asked(self, body: int = 0) -> str:
        """Who the client is, said after a body of so many octets was read."""
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % body
        self._stream.sendall(head + bytes(body))
        said = b""
        while not said.endswith(b"}]}") and b" 500 " not in said:
            part = self._stream.recv(65536)
            assert part, said
            said += part
        found = re.search(rb'"client": (null|\[[^]]*\])', said)
        assert found, said
        return found[1].decode()

    def close(self) -> None:
        self._stream.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("http", HTTPS)
def test_a_connection_keeps_its_client_whoever_reads_on(
    loop: str, http: str, tmp_path: Path
) -> None:
    """asyncio reads on in the context of the task that resumed reading."""
    port = Port()
    words = [f"{APPS}.worker_app:app", "--port", port.number, "--loop", loop]
    with served("uvicorn", *words, "--http", http, directory=tmp_path, ports=[port]):
        first = KeptAlive(
            port.address, Preamble(source=("203.0.113.9", 1), destination=DESTINATION)
        )
        nobody = KeptAlive(port.address, Preamble.local())
        other = KeptAlive(
            port.address, Preamble(source=("203.0.113.7", 2), destination=DESTINATION)
        )
        assert first.asked() == '["203.0.113.9", 1]'
        for _ in range(2):
            assert nobody.asked(400_000) == "null"
            assert other.asked(400_000) == '["203.0.113.7", 2]'
        for each in (first, nobody, other):
            each.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_what_an_application_listens_on_is_its_own(loop: str, tmp_path: Path) -> None:
    port, own = Port(), Port()
    words = [f"{APPS}.listening_app:app", "--port", port.number, "--loop", loop]
    with (
        served(
            "uvicorn",
            *words,
            directory=tmp_path,
            ports=[port, own],
            OWN_PORT=str(own.number),
        ),
        socket.create_connection(own.address, PATIENCE) as stream,
    ):
        assert stream.recv(100) == b"hello"
        assert asked(port.address)["preamble"] is True


def test_a_worker_that_loads_early_has_its_clients_too(tmp_path: Path) -> None:
    (tmp_path / "early.py").write_text(
        "from uvicorn_worker import UvicornWorker\n\n"
        "class Early(UvicornWorker):\n"
        "    def load_wsgi(self):\n"
        "        super().load_wsgi()\n"
        "        self.config.app = self.wsgi\n"
        "        self.config.load()\n"
    )
    port = Port()
    words = ["-k", "early.Early", "-b", port, "--no-control-socket"]
    with served(
        "gunicorn",
        *words,
        "tests.interop.serving.asgi_app:app",
        directory=tmp_path,
        ports=[port],
        PYTHONPATH=f"{PROJECT}:{tmp_path}",
    ):
        forged = REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
        said = asked(port.address, OCTETS, request=forged)
    assert said["client"] == ["203.0.113.9", 51234]
    assert said["claims"] == []


def test_a_configuration_takes_no_socket_over_by_itself() -> None:
    with socket.socket() as sock:
        assert ClientConfig("app").listener(sock) is None
