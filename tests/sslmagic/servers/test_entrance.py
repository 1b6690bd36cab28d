"""How connections enter a server: what is taken, and what is said of the rest."""

from __future__ import annotations

import contextlib
import gc
import math
import pickle
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.listener import Listener
from sslmagic.relay.listening import UnixFile
from sslmagic.servers.entrance import Entrance, believes_headers
from sslmagic.trust import Standing
from tests.interop.authority import Authority
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    connect,
    listening,
    open_descriptors,
    settled_descriptors,
)

WRONG: list[dict[str, Any]] = [
    {"trust": "10.0.0.0/8"},
    {"trust": ["10.0.0.0/8"]},
    {"trust": None},
    {"deadline": 0},
    {"deadline": -1},
    {"deadline": math.inf},
    {"deadline": math.nan},
    {"waiting": 0},
]


def test_an_entrance_travels_to_another_process() -> None:
    sent = Entrance(LOOPBACK, direct_listen=[":8081", "unix:/run/x"], deadline=3)
    assert pickle.loads(pickle.dumps(sent)) == sent


def test_one_second_address_may_be_a_plain_text() -> None:
    assert Entrance(LOOPBACK, direct_listen=":8081").direct_listen == (":8081",)


@pytest.mark.parametrize("text", ["8081", "host:8081", "unix:", "127.0.0.1:70000", ""])
def test_an_address_that_is_none_is_refused_at_once(text: str) -> None:
    with pytest.raises(ConfigurationError, match="direct_listen: "):
        Entrance(LOOPBACK, direct_listen=[text])


def test_its_limits_are_its_listeners() -> None:
    entrance = Entrance(LOOPBACK, deadline=3, waiting=7)
    with entrance.listener(listening()) as listener:
        assert (listener.deadline, listener.waiting) == (3, 7)
        assert listener.trust is LOOPBACK


def test_its_tls_listener_gives_tls(authority: Authority) -> None:
    entrance = Entrance(LOOPBACK, deadline=3, waiting=7)
    with entrance.tls_listener(listening(), authority.server()) as listener:
        assert (listener.deadline, listener.waiting) == (3, 7)
        with connect(listener, OCTETS):
            listener.settimeout(PATIENCE)
            connection, client = listener.accept()
            with connection:
                assert client == CLIENT
                assert connection.version() is None  # type: ignore[attr-defined]


def test_nobody_is_trusted_at_a_second_address() -> None:
    direct = Entrance(LOOPBACK, direct_listen=":0", deadline=3, waiting=7).direct
    assert direct.direct_listen == ()
    with direct.listener(listening()) as listener, connect(listener, OCTETS) as one:
        assert (listener.deadline, listener.waiting) == (3, 7)
        listener.settimeout(PATIENCE)
        connection, client = listener.accept()
        with connection:
            assert client == one.getsockname()
            assert connection.recv(100) == OCTETS
        assert direct.trust.standing(client.peer) is Standing.DIRECT


def test_second_addresses_are_listened_on(tmp_path: Path) -> None:
    path = tmp_path / "direct.sock"
    entrance = Entrance(LOOPBACK, direct_listen=["127.0.0.1:0", f"unix:{path}"])
    with contextlib.ExitStack() as ending:
        first, second = map(ending.enter_context, entrance.direct_sockets(ending))
        assert first.getsockname()[0] == "127.0.0.1"
        assert second.getsockname() == str(path)
        socket.create_connection(first.getsockname(), PATIENCE).close()


FORKED = """
import contextlib, os, sys
from sslmagic import Trust
from sslmagic.servers.entrance import Entrance
path, ending = sys.argv[1], contextlib.ExitStack()
kept = Entrance(Trust(["unix"]), direct_listen=f"unix:{path}").direct_sockets(ending)
if child := os.fork():
    os.waitpid(child, 0)
    print(os.path.exists(path))
"""


def test_the_file_of_a_second_address_is_there_until_its_process_exits(
    tmp_path: Path,
) -> None:
    path = tmp_path / "direct.sock"
    argv = [sys.executable, "-c", FORKED, str(path)]
    ran = subprocess.run(argv, check=True, capture_output=True, timeout=PATIENCE)
    assert ran.stdout == b"True\n"
    assert not path.exists()


def test_the_file_of_a_second_address_may_go_before_its_process(tmp_path: Path) -> None:
    path = tmp_path / "direct.sock"
    entrance = Entrance(LOOPBACK, direct_listen=["127.0.0.1:0", f"unix:{path}"])
    before = settled_descriptors()
    with contextlib.ExitStack() as ending:
        for sock in entrance.direct_sockets(ending):
            sock.close()
        assert path.is_socket()
    assert not path.exists()
    assert open_descriptors() == before


def test_files_that_are_removed_are_forgotten(tmp_path: Path) -> None:
    """By a process that serves again and again."""
    entrance = Entrance(LOOPBACK, direct_listen=f"unix:{tmp_path / 'direct.sock'}")

    def known() -> int:
        gc.collect()
        return sum(type(each) is UnixFile for each in gc.get_objects())

    def serve() -> None:
        with contextlib.ExitStack() as ending:
            (sock,) = entrance.direct_sockets(ending)
            sock.close()

    before = known()
    for _ in range(3):
        serve()
    assert known() == before


def test_a_second_address_in_use_leaves_none_open(tmp_path: Path) -> None:
    path = tmp_path / "direct.sock"
    with listening() as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        listed = ["127.0.0.1:0", f"unix:{path}", taken]
        entrance = Entrance(LOOPBACK, direct_listen=listed)
        before = settled_descriptors()
        with (
            contextlib.ExitStack() as ending,
            pytest.raises(OSError, match=f"cannot listen on {taken}: "),
        ):
            entrance.direct_sockets(ending)
        assert open_descriptors() == before
    assert not path.exists()


def test_second_addresses_in_the_shape_of_bind() -> None:
    listed = ["127.0.0.1:1", "[::1]:2", ":3", "unix:/run/x"]
    assert Entrance(LOOPBACK, direct_listen=listed).direct_places() == [
        ("127.0.0.1", 1),
        ("::1", 2, 0, 0),
        ("::", 3, 0, 0),
        "/run/x",
    ]


@pytest.mark.parametrize("given", WRONG, ids=str)
def test_what_no_listener_keeps_is_refused_before_there_is_any(
    given: dict[str, Any],
) -> None:
    """By the entrance, because workers would find it out one after the other."""
    rules: dict[str, Any] = {"trust": LOOPBACK} | given
    (name,) = given
    with pytest.raises(ConfigurationError, match=f"^{name}=") as refused:
        Entrance(**rules)
    with listening() as sock:
        with pytest.raises(ConfigurationError) as again:
            Listener(sock, **rules)
        assert sock.fileno() >= 0
    assert str(again.value) == str(refused.value)


def test_what_is_wrong_with_believing_headers_is_said() -> None:
    error = believes_headers("--proxy-headers")
    assert str(error).startswith("--proxy-headers has the server believe")
    assert "sslmagic.asgi" in str(error)
