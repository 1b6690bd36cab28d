"""README.md: whatever it tells a newcomer to type does what it says."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from tests.interop.authority import NAME, Authority
from tests.interop.peers import Port
from tests.sources import PROJECT

README = (PROJECT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(found[1], found[2]) for found in BLOCK.finditer(README)]

GATEWAY = "127.0.0.1"
CLIENT = "127.0.0.9"
SHOP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"open"})
"""
PATIENCE = 20
"""Seconds for anything that takes milliseconds on an idle machine."""


class Started(NamedTuple):
    """A process of the README's, and the port it listens on."""

    process: subprocess.Popen[str]
    port: int


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def only(language: str, containing: str) -> str:
    (block,) = (text for text in blocks(language) if containing in text)
    return block


def replaced(text: str, changes: dict[str, str]) -> str:
    """*text* with loopback and free ports for the addresses that a reader has."""
    for old, new in changes.items():
        assert old in text, f"{old} is not in the README any more"
        text = text.replace(old, new)
    return text


def test_every_block_is_of_a_kind_that_is_run() -> None:
    """A picture is text; pycon is run by test_doctests.py."""
    kinds = [language for language, _ in BLOCKS]
    assert sorted(kinds) == ["console", "pycon", "python", "sh", "sh", "sh", "text"]


def test_it_is_read_in_five_minutes() -> None:
    """At 240 words a minute."""
    assert len(README.split()) < 1200


def test_the_targets_exist() -> None:
    lines = only("sh", "make demo").splitlines()
    assert lines == ["make demo", "make test"]
    for line in [*lines, "make bench"]:
        assert f"`{line}`" in README or line in lines
        subprocess.run(
            [*line.split(), "--dry-run"],
            cwd=PROJECT,
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )


def test_the_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (PROJECT / target).exists(), target


def test_what_the_console_shows(tmp_path: Path) -> None:
    for block in blocks("console"):
        command, *shown = block.splitlines()
        assert command.startswith("$ ")
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command[2:]],
            cwd=tmp_path,
            env=environment(),
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.stdout.splitlines() == shown


@pytest.mark.parametrize("way", ["in code", "as a command"])
def test_a_client_reaches_the_server_through_the_gateway(
    way: str, tmp_path: Path
) -> None:
    """Both of the README's ends, and a verifying client: the log names the client."""
    authority = Authority.create(tmp_path / "authority")
    (tmp_path / "shop.pem").write_bytes(authority.bundle.read_bytes())
    (tmp_path / "shop.py").write_text(SHOP)
    with server(way, tmp_path) as backend, gateway(tmp_path, backend.port) as front:
        assert fetched(front.port, authority).startswith(b"HTTP/1.1 200 OK\r\n")
        assert backend.process.stdout
        log = backend.process.stdout.readline()
    assert f" {CLIENT}:" in log
    assert '"GET / HTTP/1.1" 200' in log


@contextmanager
def server(way: str, directory: Path) -> Iterator[Started]:
    with closing(Port(GATEWAY)) as port:
        # The network before the address that is a part of it.
        changes = {"10.0.0.0/8": GATEWAY, "0.0.0.0": GATEWAY, "8443": str(port.number)}
        if way == "in code":
            block = replaced(only("python", "uvicorn.run"), changes)
            command = [sys.executable, "-c", block]
        else:
            block = replaced(only("sh", "sslmagic.servers.uvicorn"), changes)
            command = ["bash", "-c", f"exec {block}"]
        with running(command, directory) as process:
            assert process.stderr
            # It says so with the port bound; it listens when it has started.
            while "Application startup complete" not in line_of(process.stderr):
                pass
            deadline = time.monotonic() + PATIENCE
            while not port.listens():
                assert time.monotonic() < deadline
            yield Started(process, port.number)


@contextmanager
def gateway(directory: Path, node: int) -> Iterator[Started]:
    line = replaced(
        only("sh", "magic gateway").strip(),
        {":443": f"{GATEWAY}:0", "10.0.0.7:8443": f"{GATEWAY}:{node}"},
    )
    with running(["bash", "-c", f"exec {line}"], directory) as process:
        assert process.stderr
        ready, _, address = line_of(process.stderr).rstrip().partition(" ")
        assert ready == "ready"
        yield Started(process, int(address.rpartition(":")[2]))


@contextmanager
def running(command: list[str], directory: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        cwd=directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE)


def line_of(stream: IO[str]) -> str:
    line = stream.readline()
    assert line, "the process ended without a word"
    return line


def fetched(port: int, authority: Authority) -> bytes:
    context = ssl.create_default_context(cafile=authority.root)
    with (
        socket.create_connection(
            (GATEWAY, port), timeout=PATIENCE, source_address=(CLIENT, 0)
        ) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as secure,
    ):
        secure.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        return secure.recv(4096)


def environment() -> dict[str, str]:
    """Ours, with the command of the interpreter that runs the tests in front."""
    scripts = Path(sys.executable).parent
    if not (scripts / "magic").exists():
        pytest.fail(f"{scripts} has no magic: install this project there")
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return inherited | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
