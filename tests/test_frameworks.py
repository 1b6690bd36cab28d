"""The examples of frameworks see the client: behind a preamble, and behind a header."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sslmagic import Preamble, encode
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Address, Port, Process
from tests.sources import PROJECT
from tests.sslmagic.receiving import CLIENT, DESTINATION, OCTETS, PATIENCE, reset

EXAMPLES = PROJECT / "examples"
GATEWAY, STRANGER = "127.0.0.1", "127.0.0.9"
"""Whom the examples believe, and whom they do not."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One application on one server."""

    app: str
    server: str

    def __str__(self) -> str:
        return f"{self.app.replace(':', '-')}-{self.server}"

    def command(self, port: Port, *arguments: str | Path) -> list[str | Path]:
        python = [sys.executable, "-m", self.server]
        match self.server.rpartition(".")[2]:
            case "uvicorn":
                place = ["--host", port.host, "--port", str(port.number)]
            case "gunicorn":
                place = ["--bind", str(port)]
            case _:
                place = ["--listen", str(port)]
        return [*python, *place, *arguments, self.app]


OURS = [
    Case(app=app, server=f"sslmagic.servers.{server}")
    for app, server in [
        ("starlette_app:app", "uvicorn"),
        ("fastapi_app:app", "uvicorn"),
        ("django_app:asgi_application", "uvicorn"),
        ("django_app:application", "gunicorn"),
        ("flask_app:app", "gunicorn"),
    ]
]
OTHERS = [
    Case(app="starlette_app:app", server="uvicorn"),
    Case(app="django_app:asgi_application", server="uvicorn"),
    Case(app="flask_app:app", server="gunicorn"),
    Case(app="django_app:application", server="waitress"),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def running(
    case: Case, directory: Path, *arguments: str | Path
) -> Iterator[tuple[Address, Process]]:
    port = Port(GATEWAY)
    log = directory / f"{case}.log"
    path = {"PYTHONPATH": str(EXAMPLES)}
    command = case.command(port, *arguments)
    with Process(command, log=log, ports=[port], environment=path) as process:
        yield port.address, process


@pytest.fixture(scope="module", params=[*OURS, *OTHERS], ids=str)
def in_clear(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    """Where an example listens in plain HTTP."""
    case = request.param
    # Of ours, none must send a preamble.
    arguments = ["--trust", "192.0.2.0/24", "--others", "direct"]
    if case in OTHERS:
        arguments = ["--no-proxy-headers"] if case.server == "uvicorn" else []
    directory = tmp_path_factory.mktemp("clear")
    with running(case, directory, *arguments) as (address, _):
        yield address


def ask(connection: socket.socket, *headers: str) -> tuple[int, str]:
    """Status and body of one request."""
    lines = [f"Host: {NAME}", "Connection: close", *headers, "", ""]
    head = "\r\n".join(["GET / HTTP/1.1", *lines])
    connection.sendall(head.encode())
    said = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return int(said.split(" ", 2)[1]), said.partition("\r\n\r\n")[2]


def ask_in_clear(address: Address, source: str, *headers: str) -> tuple[int, str]:
    with socket.create_connection(address, PATIENCE, (source, 0)) as connection:
        return ask(connection, *headers)


@pytest.mark.parametrize("case", OURS, ids=str)
def test_behind_a_preamble_it_sees_the_client(
    case: Case, authority: Authority, tmp_path: Path
) -> None:
    is_uvicorn = case.server.endswith("uvicorn")
    certificate, key = "--certfile", "--keyfile"
    if is_uvicorn:
        certificate, key = "--ssl-certfile", "--ssl-keyfile"
    tls: list[str | Path] = [certificate, authority.certificate]
    tls += [key, authority.key]
    with running(case, tmp_path, *tls, "--trust", GATEWAY) as (address, process):

        def ask_behind(octets: bytes) -> tuple[int, str]:
            with socket.create_connection(address, PATIENCE) as plain:
                plain.sendall(octets)
                context = authority.client()
                with context.wrap_socket(plain, server_hostname=NAME) as client:
                    return ask(
                        client,
                        "X-Cluster-Client-Ip: 6.6.6.6",
                        "X-Forwarded-For: 6.6.6.6",
                    )

        status, said = ask_behind(OCTETS)
        assert status == 200
        assert CLIENT[0] in said
        assert DESTINATION[0] in said
        assert "6.6.6.6" not in said
        status, said = ask_behind(encode(Preamble.local(), "magic"))
        assert status == 200
        assert not re.search(r"[0-9]+\.[0-9]+", said)
    assert "Traceback" not in process.said()


def test_a_trusted_peer_s_header_names_the_client(in_clear: Address) -> None:
    status, said = ask_in_clear(in_clear, GATEWAY, "X-Cluster-Client-Ip: 203.0.113.9")
    assert status == 200
    assert "203.0.113.9" in said
    assert GATEWAY not in said


def test_without_it_the_peer_is_the_client(in_clear: Address) -> None:
    status, said = ask_in_clear(in_clear, GATEWAY, "X-Forwarded-For: 6.6.6.6")
    assert status == 200
    assert GATEWAY in said
    assert "6.6.6.6" not in said


@pytest.mark.parametrize("name", ["X-Cluster-Client-Ip", "X_Cluster_Client_Ip"])
def test_an_untrusted_peer_names_nobody(in_clear: Address, name: str) -> None:
    status, said = ask_in_clear(in_clear, STRANGER, f"{name}: 203.0.113.9")
    assert status == 200
    assert STRANGER in said
    assert "203.0.113.9" not in said


def test_two_clients_are_400(in_clear: Address) -> None:
    status, said = ask_in_clear(
        in_clear,
        GATEWAY,
        "X-Cluster-Client-Ip: 203.0.113.9",
        "X-Cluster-Client-Ip: 203.0.113.9",
    )
    assert status == 400
    assert said.count("\n") == 1


def test_uvicorn_s_own_handling_of_headers_is_told_and_never_trusted(
    tmp_path: Path,
) -> None:
    """On by default, it makes of 127.0.0.1, a gateway, whomever a client names."""
    claims = ["X-Forwarded-For: 127.0.0.1", "X-Cluster-Client-Ip: 6.6.6.6"]
    with running(OTHERS[0], tmp_path) as (address, process):
        status, said = ask_in_clear(address, GATEWAY, *claims)
        assert status == 500
        assert "6.6.6.6" not in said
        process.until_said("turn it off")
        claims[0] = "X-Forwarded-For: 127.0.0.1:4711"
        assert ask_in_clear(address, GATEWAY, *claims)[0] == 500


def test_a_reset_connection_is_no_unix_peer(tmp_path: Path) -> None:
    """uvicorn has no name for it and serves its request; the examples trust `unix`."""
    claim = b"GET / HTTP/1.1\r\nHost: x\r\nX-Cluster-Client-Ip: 203.0.113.9\r\n\r\n"
    arguments = ["--no-proxy-headers", "--loop", "asyncio"]
    with running(OTHERS[0], tmp_path, *arguments) as (address, process):
        os.kill(process.pid, signal.SIGSTOP)
        try:
            client = socket.create_connection(address, PATIENCE, (STRANGER, 0))
            client.sendall(claim)
            reset(client)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        process.until_said('"GET / HTTP/1.1" 200')
        assert "203.0.113.9" not in process.said()
