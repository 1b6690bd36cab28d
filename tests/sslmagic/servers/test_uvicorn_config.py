"""Whose an application of uvicorn's is, whatever that application does."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from sslmagic.servers.uvicorn_config import ClientConfig
from tests.interop.client import REQUEST
from tests.interop.peers import Port, Process
from tests.sources import PROJECT
from tests.sslmagic.receiving import OCTETS, PATIENCE
from tests.sslmagic.servers.conduct import asked

APPS = "tests.sslmagic.servers"
TRUST = ("--trust", "127.0.0.1")


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


def test_nothing_is_known_before_it_is_loaded() -> None:
    config = ClientConfig("app")
    for name in ("loaded_app", "http_protocol_class", "ws_protocol_class"):
        assert not hasattr(config, name)
