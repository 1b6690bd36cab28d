"""The clients: what they ask, what they are told, and what a liar gets."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sslmagic import Endpoint, Trust
from sslmagic.hello import ClientHello
from sslmagic_cli.demo.authority import NAME, Authority
from sslmagic_cli.demo.backend import SecureBackend
from sslmagic_cli.demo.client import (
    CLIENT,
    SPOOFER,
    Visit,
    attempt,
    client_hello,
    others,
    visit,
)
from tests.interop.peers import needs


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


@contextmanager
def server(converse: Callable[[socket.socket], object]) -> Iterator[Endpoint]:
    """Accepts one connection and does this with it."""

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            converse(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=accept)
        thread.start()
        yield Endpoint(*listener.getsockname())
        thread.join()


@pytest.mark.parametrize("program", ["curl", "openssl"])
def test_other_program_is_seen_and_verifies(
    program: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(program)
    which = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name: which(name) if name == program else None
    )
    with SecureBackend(Trust(others="direct"), authority.server) as backend:
        (came,) = others(backend.address, authority)
    assert came.program == program
    assert came.is_seen
    assert came.version == "TLSv1.3"


@pytest.mark.parametrize("program", ["curl", "openssl"])
def test_other_program_refuses_another_authority(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(program)
    which = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name: which(name) if name == program else None
    )
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (Authority.create(tmp_path / name) for name in ("one", "two"))
    with SecureBackend(Trust(others="direct"), one.server) as backend:
        (came,) = others(backend.address, two)
    assert came.seen is None
    assert not came.is_seen


def test_visit_without_an_answer_saw_nobody(authority: Authority) -> None:
    with server(lambda connection: connection.recv(1)) as address:
        came = visit(address, authority)
    assert came.seen is None
    assert came.version == ""
    assert came.local is not None
    assert came.local.host == CLIENT


@pytest.mark.parametrize(
    ("local", "seen", "expected"),
    [
        (Endpoint(CLIENT, 1), Endpoint(CLIENT, 1), True),
        (Endpoint(CLIENT, 1), Endpoint(CLIENT, 2), False),
        (Endpoint(CLIENT, 1), Endpoint("127.0.0.1", 1), False),
        (None, Endpoint(CLIENT, 2), True),
        (None, Endpoint("127.0.0.1", 2), False),
        (Endpoint(CLIENT, 1), None, False),
    ],
)
def test_is_seen_if_the_backend_saw_the_clients_own_address(
    local: Endpoint | None, seen: Endpoint | None, expected: bool
) -> None:
    came = Visit(program="", local=local, version="", seen=seen)
    assert came.is_seen is expected


def test_hello_names_the_server(authority: Authority) -> None:
    assert ClientHello.parse(client_hello(authority)).server_name == NAME


def test_attempt_counts_what_came_back() -> None:
    peers: list[str] = []

    def converse(connection: socket.socket) -> None:
        peers.append(connection.getpeername()[0])
        assert connection.recv(16) == b"claim"
        connection.sendall(b"alert")

    with server(converse) as address:
        assert attempt(address, b"claim", source=SPOOFER) == 5
    assert peers == [SPOOFER]


def test_attempt_that_is_left_open_is_no_refusal() -> None:
    ended = threading.Event()
    with server(lambda connection: ended.wait(10)) as address:
        assert attempt(address, b"claim", source=SPOOFER, patience=0.05) is None
        ended.set()
