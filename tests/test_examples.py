"""The examples run as they say, and see the client behind a gateway."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from sslmagic import Preamble, encode
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Process
from tests.sources import PROJECT
from tests.sslmagic.receiving import CLIENT, DESTINATION, OCTETS, PATIENCE, ended

EXAMPLES = sorted((PROJECT / "examples").glob("https_*.py"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == ["https_asyncio.py", "https_threads.py"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_https_server_sees_the_client(
    example: Path, authority: Authority, tmp_path: Path
) -> None:
    command: list[str | Path]
    command = [sys.executable, example, "127.0.0.1", "0", authority.bundle, "127.0.0.1"]
    with Process(command, log=tmp_path / "log") as server:
        port = server.until_said(r"listening on \('127.0.0.1', (\d+)\)")[1]
        address = ("127.0.0.1", int(port))
        silent = socket.create_connection(address, PATIENCE)
        silent.sendall(OCTETS[:5])
        with socket.create_connection(address, PATIENCE) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert ended(stranger)
        with socket.create_connection(address, PATIENCE) as plain:
            plain.sendall(OCTETS)
            context = authority.client()
            with context.wrap_socket(plain, server_hostname=NAME) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                said = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        assert f"{CLIENT} connected to" in said
        assert str(DESTINATION[0]) in said
        with socket.create_connection(address, PATIENCE) as plain:
            plain.sendall(encode(Preamble.local(), "magic"))
            with context.wrap_socket(plain, server_hostname=NAME) as checker:
                checker.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert checker.recv(12).endswith(b" 200")
        server.until_said("refused 127.0.0.1:[0-9]+: format: ")
        os.kill(server.pid, signal.SIGINT)
        server.until(lambda: ended(silent), "ended who had sent half a preamble")
        silent.close()
    assert "Traceback" not in server.said()


def test_an_example_says_how_it_is_called(tmp_path: Path) -> None:
    for example in EXAMPLES:
        with Process([sys.executable, example], log=tmp_path / "log") as process:
            process.until_said("usage: .*HOST PORT CERTIFICATE GATEWAY")
