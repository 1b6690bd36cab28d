"""The examples run as they say, and see the client behind a gateway."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from sslmagic import Preamble, encode
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Port, Process
from tests.sources import PROJECT, servers
from tests.sslmagic.receiving import CLIENT, DESTINATION, OCTETS, PATIENCE, ended

EXAMPLES = PROJECT / "examples"
LIBRARY = [EXAMPLES / f"https_{how}.py" for how in ("asyncio", "threads")]
SERVERS = sorted({*EXAMPLES.glob("*[ps]_*.py")} - {*LIBRARY})
"""Named after what they speak, and the server that they are about."""

GATEWAY, STRANGER = "127.0.0.1", "127.0.0.9"
LOCAL = encode(Preamble.local(), "magic")
REQUEST = f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode()
MAIL = (
    b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n"
    b"RCPT TO:<b@shop.example>\r\nDATA\r\nSubject: hello\r\n\r\nhello\r\n.\r\nQUIT\r\n"
)


def commands(example: Path) -> list[str]:
    """The command lines that an example's docstring shows."""
    shown = ast.get_docstring(ast.parse(example.read_text()), clean=False) or ""
    blocks = re.findall(r"(?:^    .*\n)+", shown, re.MULTILINE)
    assert blocks, f"{example.name} shows no command"
    return [textwrap.dedent(block).strip() for block in blocks]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


def test_every_server_has_an_example() -> None:
    assert {path.stem.partition("_")[2] for path in SERVERS} == servers().keys()


@pytest.mark.parametrize("example", LIBRARY, ids=lambda path: path.name)
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
            plain.sendall(LOCAL)
            with context.wrap_socket(plain, server_hostname=NAME) as checker:
                checker.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert checker.recv(12).endswith(b" 200")
        server.until_said("refused 127.0.0.1:[0-9]+: format: ")
        os.kill(server.pid, signal.SIGINT)
        server.until(lambda: ended(silent), "ended who had sent half a preamble")
        silent.close()
    assert "Traceback" not in server.said()


@pytest.mark.parametrize("example", SERVERS, ids=lambda path: path.name)
def test_a_server_sees_the_client_and_refuses_strangers(
    example: Path, authority: Authority, tmp_path: Path
) -> None:
    with running(example, authority, tmp_path / "log") as (server, address):
        said = answer(example, address, authority, OCTETS)
        assert re.search(
            rf"{CLIENT[0]}\S*( \d+\))? connected to {DESTINATION[0]}", said
        )
        said = answer(example, address, authority, LOCAL)
        assert re.search(r"(nobody|\('', 0\)) connected to ", said)
        for source, before in [(STRANGER, OCTETS), (GATEWAY, REQUEST)]:
            with socket.create_connection(address, PATIENCE, (source, 0)) as stranger:
                stranger.sendall(before)
                assert ended(stranger)
        server.until_said(rf"refused {STRANGER}:[0-9]+: peer: ")
        server.until_said(rf"refused {GATEWAY}:[0-9]+: format: ")
        os.kill(server.pid, signal.SIGINT)
        server.until(lambda: is_over(server.pid), "ended when it was interrupted")
        assert server.end() == 0
    assert "Traceback" not in server.said()


@pytest.mark.parametrize(
    ("example", "command"),
    [(path, command) for path in SERVERS for command in commands(path)[1:]],
    ids=lambda one: one.name if isinstance(one, Path) else "",
)
def test_the_server_s_own_command_listens(
    example: Path, command: str, authority: Authority, tmp_path: Path
) -> None:
    with running(example, authority, tmp_path / "log", command) as (server, address):
        with socket.create_connection(address, PATIENCE, (STRANGER, 0)) as stranger:
            stranger.sendall(OCTETS)
            assert ended(stranger)
        server.until_said(rf"refused {STRANGER}:[0-9]+: peer: ")


def test_an_example_says_how_it_is_called(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        called: list[tuple[Path, Process]] = []
        for path in [*LIBRARY, *SERVERS]:
            log = tmp_path / path.name
            process = Process([sys.executable, path], log=log)
            called.append((path, stack.enter_context(process)))
        for path, process in called:
            tls = "" if path.name.startswith("http_") else "CERTIFICATE "
            process.until_said(f"usage: .*HOST PORT {tls}GATEWAY")


@contextlib.contextmanager
def running(
    example: Path, authority: Authority, log: Path, command: str | None = None
) -> Iterator[tuple[Process, tuple[str, int]]]:
    """Runs a command that an example shows, the first by default, on loopback."""
    port = Port(GATEWAY)
    line = (command or commands(example)[0]).replace("\\\n", " ")
    for shown, here in [
        ("10.0.0.0/8", GATEWAY),
        ("0.0.0.0", port.host),
        ("server.pem", str(authority.bundle)),
        ("examples", str(EXAMPLES)),
    ]:
        line = line.replace(shown, here)
    line = re.sub(r"\b8\d{3}\b", str(port.number), line, count=1)
    words = shlex.split(line)
    environment = {"PYTHONPATH": str(plugins(log.parent))}
    while "=" in words[0]:
        name, _, environment[name] = words.pop(0).partition("=")
    # What is installed beside our interpreter.
    words[0] = str(Path(sys.executable).with_name(words[0]))
    with Process(words, log=log, ports=[port], environment=environment) as process:
        yield process, port.address


def plugins(directory: Path) -> Path:
    """Where Twisted finds `sslmagic:`: an editable installation's copy may be old."""
    plugin = Path("twisted/plugins/sslmagic_endpoint.py")
    (directory / plugin).parent.mkdir(parents=True)
    shutil.copy(PROJECT / "plugins" / plugin, directory / plugin)
    return directory


def answer(
    example: Path, address: tuple[str, int], authority: Authority, before: bytes
) -> str:
    """What an example says to a client behind *before*, its certificate verified."""
    protocol = example.name.partition("_")[0]
    plain = socket.create_connection(address, PATIENCE, (GATEWAY, 0))
    with plain:
        plain.sendall(before)
        if protocol == "http":
            plain.sendall(REQUEST)
            return all_of(plain)
        context = authority.client()
        if protocol == "wss":
            with connect(
                f"wss://{NAME}/",
                sock=plain,
                ssl=context,
                proxy=None,
                open_timeout=PATIENCE,
            ) as socketed:
                return str(socketed.recv(PATIENCE))
        with context.wrap_socket(plain, server_hostname=NAME) as secured:
            secured.sendall(MAIL if protocol == "smtps" else REQUEST)
            return all_of(secured)


def all_of(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def is_over(pid: int) -> bool:
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, how) is not None
