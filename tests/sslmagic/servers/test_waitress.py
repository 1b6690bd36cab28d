"""waitress: its own servers, each behind a listener."""

from __future__ import annotations

import contextlib
import errno
import itertools
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from waitress import server as waitress_server
from waitress import wasyncore
from waitress.channel import HTTPChannel

from sslmagic.errors import ConfigurationError
from sslmagic.listener import Listener
from sslmagic.servers import waitress
from sslmagic.servers.entrance import Entrance
from tests.interop.peers import Port, Process
from tests.interop.serving.waitress import VARIANTS
from tests.interop.serving.wsgi_app import app
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    connect,
    ended,
    open_descriptors,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import (
    FORGED,
    STRANGER,
    Rule,
    Running,
    asked,
    kept_by,
)

(VARIANT,) = VARIANTS
COMMAND = [sys.executable, "-m", "sslmagic.servers.waitress"]
KEPT = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
"""A request after which the connection stays."""


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize(
    "options",
    [
        {"trusted_proxy": "*"},
        {"trusted_proxy": "10.0.0.1", "trusted_proxy_headers": {"x-forwarded-for"}},
        {"trusted_proxy": "10.0.0.1", "trusted_proxy_count": 2},
    ],
)
def test_its_own_trust_in_headers_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="trusted_proxy"):
        waitress.run(app, trust=LOOPBACK, port=0, **options)


def test_each_of_its_addresses_takes_preambles_off() -> None:
    server = waitress.create_server(
        app, trust=LOOPBACK, listen="127.0.0.1:0 [::1]:0", direct_listen="127.0.0.1:0"
    )
    try:
        listeners = [
            one.socket for one in server.map.values() if hasattr(one, "effective_port")
        ]
        assert all(isinstance(one, Listener) for one in listeners)
        assert len(listeners) == 3
        assert [one.trust.others for one in listeners] == ["refuse", "refuse", "direct"]
    finally:
        server.close()


def test_it_does_not_watch_by_select_unless_told() -> None:
    """A thousand that wait for their preamble would end it: see test_crowd.py."""
    told: tuple[dict[str, Any], ...] = ({}, {"asyncore_use_poll": False})
    for options in told:
        server = waitress.create_server(
            app, trust=LOOPBACK, listen="127.0.0.1:0", **options
        )
        assert server.adj.asyncore_use_poll is not bool(options)
        server.close()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("server.BaseWSGIServer", "channel_class"),
        ("server.BaseWSGIServer", "in_connection_overflow"),
        ("channel.HTTPChannel", "task_class"),
        ("task.WSGITask", "get_environment"),
    ],
)
def test_a_waitress_that_has_changed_is_refused(
    owner: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(f"waitress.{owner}.{name}")
    with pytest.raises(ConfigurationError, match=name):
        waitress.create_server(app, trust=LOOPBACK, listen="127.0.0.1:0")


def test_no_request_goes_past_its_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where waitress has the attribute and no longer asks for it."""

    def accepting(server: Any) -> None:
        if (pair := server.accept()) is not None:
            HTTPChannel(server, pair[0], pair[1], server.adj, map=server._map)

    def trusting(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    monkeypatch.setattr("waitress.server.BaseWSGIServer.handle_accept", accepting)
    server = waitress.create_server(trusting, trust=LOOPBACK, listen="127.0.0.1:0")
    with contextlib.ExitStack() as ending:
        ending.callback(server.task_dispatcher.shutdown)
        ending.callback(wasyncore.close_all, server._map)
        stream = ending.enter_context(connect(server.socket, OCTETS + FORGED))
        ends = time.monotonic() + PATIENCE
        while not readable(stream):
            assert time.monotonic() < ends
            wasyncore.loop(0.05, use_poll=True, map=server._map, count=1)
        assert b" 500 " in stream.recv(65536)


def test_deadlines_hold_at_the_connection_limit() -> None:
    """waitress does not watch its socket then, and what is ready has to be held."""
    server = waitress.create_server(
        app, trust=LOOPBACK, listen="127.0.0.1:0", deadline=1, connection_limit=3
    )
    listener, counters = server.socket, server.socket.counters.snapshot
    with contextlib.ExitStack() as ending:
        ending.callback(server.task_dispatcher.shutdown)
        ending.callback(wasyncore.close_all, server._map)

        def come(octets: bytes) -> socket.socket:
            return ending.enter_context(connect(listener, octets))

        def until(condition: Callable[[], object]) -> None:
            ends = time.monotonic() + PATIENCE
            while not condition():
                assert time.monotonic() < ends
                wasyncore.loop(0.05, use_poll=True, map=server._map, count=1)

        silent, late, first = come(OCTETS[:7]), come(OCTETS[:7]), come(OCTETS + KEPT)
        until(lambda: readable(first))
        assert b"200 OK" in first.recv(65536)
        until(lambda: server.in_connection_overflow)
        late.sendall(OCTETS[7:] + KEPT)
        last = come(OCTETS + KEPT)
        until(lambda: counters().get("refused_timeout"))
        assert ended(silent)
        assert counters()["accepted"] == 2  # the last is the kernel's
        assert not readable(late)
        first.close()
        until(lambda: readable(late))
        assert b"200 OK" in late.recv(65536)
        assert not readable(last)
        late.close()
        until(lambda: readable(last))


def test_what_is_held_does_not_stay_open() -> None:
    server = waitress.create_server(
        app, trust=LOOPBACK, listen="127.0.0.1:0", connection_limit=1
    )
    try:
        assert server.readable()
        assert server.in_connection_overflow
        server.socket.resume()
        with connect(server.socket, OCTETS + KEPT) as stream:
            assert select.select([server.socket], [], [], PATIENCE)[0]
            server.handle_accept()
            assert len(server.socket.held) == 1
            server.task_dispatcher.shutdown()
            server.close()
            assert ended(stream)
    finally:
        server.close()


def test_a_server_that_is_closed_is_not_watched() -> None:
    """By another that the same round of the loop asked before, say."""
    server = waitress.create_server(app, trust=LOOPBACK, listen="127.0.0.1:0")
    server.task_dispatcher.shutdown()
    assert server.readable()
    server.close()
    assert not server.readable()


def test_a_server_may_be_closed_by_another_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between any two steps of its loop's thread."""
    readable = waitress_server.TcpWSGIServer.readable

    def closing(server: Any) -> bool:
        has_room: bool = readable(server)
        server.close()
        return has_room

    monkeypatch.setattr(waitress_server.TcpWSGIServer, "readable", closing)
    server = waitress.create_server(
        app, trust=LOOPBACK, listen="127.0.0.1:0", connection_limit=1
    )
    server.task_dispatcher.shutdown()
    assert not server.readable()


def readable(stream: socket.socket) -> bool:
    return bool(select.select([stream], [], [], 0)[0])


def test_an_address_in_use_leaves_nothing_open() -> None:
    port = Port()
    before, threads = settled_descriptors(), threading.active_count()
    with port._held as held:
        held.listen()
        with pytest.raises(OSError, match="in use"):
            waitress.create_server(
                app,
                trust=LOOPBACK,
                host=port.host,
                port=port.number,
                direct_listen="127.0.0.1:0",
            )
        assert open_descriptors() == before
    assert threading.active_count() == threads


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4, "the end"])
def test_what_fails_late_leaves_nothing_open(
    fails_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Descriptors may run out when some of its sockets have their listeners."""
    path = tmp_path / "direct.sock"
    listener, numbers = Entrance.listener, itertools.count(1)

    def failing(*_: Any) -> Any:
        raise OSError(errno.EMFILE, "as the test says")

    def listens(*arguments: Any) -> Any:
        return (failing if next(numbers) == fails_at else listener)(*arguments)

    monkeypatch.setattr(Entrance, "listener", listens)
    if fails_at == "the end":
        monkeypatch.setattr("waitress.server.MultiSocketServer.__init__", failing)
    before, threads = settled_descriptors(), threading.active_count()
    with pytest.raises(OSError, match="as the test says"):
        waitress.create_server(
            app,
            trust=LOOPBACK,
            listen="127.0.0.1:0 [::1]:0",
            direct_listen=["127.0.0.1:0", f"unix:{path}"],
        )
    assert open_descriptors() == before
    assert threading.active_count() == threads
    assert not path.exists()


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_socket_that_cannot_be_made_leaves_no_thread(
    fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, numbers = wasyncore.dispatcher.create_socket, itertools.count(1)

    def made(*arguments: Any) -> None:
        if next(numbers) == fails_at:
            raise OSError(errno.EMFILE, "as the test says")
        make(*arguments)

    monkeypatch.setattr(wasyncore.dispatcher, "create_socket", made)
    before, threads = settled_descriptors(), threading.active_count()
    with pytest.raises(OSError, match="as the test says"):
        waitress.create_server(app, trust=LOOPBACK, listen="127.0.0.1:0 [::1]:0")
    assert threading.active_count() == threads
    assert open_descriptors() == before


def test_what_fails_late_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Any:
        raise OSError(errno.EMFILE, "as the test says")

    monkeypatch.setattr(Entrance, "listener", failing)
    before = settled_descriptors()
    with pytest.raises(OSError, match="as the test says"):
        waitress.create_server(
            app, trust=LOOPBACK, unix_socket=str(tmp_path / "server.sock")
        )
    assert list(tmp_path.iterdir()) == []
    assert open_descriptors() == before


def test_it_has_the_threads_that_it_is_told() -> None:
    before = threading.active_count()
    server = waitress.create_server(
        app, trust=LOOPBACK, listen="127.0.0.1:0", threads=3
    )
    assert threading.active_count() == before + 3
    server.task_dispatcher.shutdown()
    server.close()
    assert threading.active_count() == before


def test_its_own_mistakes_stay_its_own() -> None:
    with pytest.raises(ValueError, match="Unknown adjustment"):
        waitress.create_server(app, trust=LOOPBACK, nonsense=1)


def test_the_command_takes_its_own_options(tmp_path: Path) -> None:
    port, second = Port(), Port()
    path = "tests.interop.serving.wsgi_app:app"
    options = [f"--listen={port}", "--threads", "2", "--no-expose-tracebacks", path]
    ours = ["--trust", "127.0.0.0/8", "--direct-listen", str(second)]
    with Process(
        [*COMMAND, *options, *ours], log=tmp_path / "log", ports=[port, second]
    ) as process:
        assert asked(port.address, request=FORGED)["client"] == list(CLIENT)
        said = asked(second.address, b"", request=FORGED)
        process.until_said(rf"Serving on http://{port}")
    assert said["client"][0] == "127.0.0.1"
    assert STRANGER not in str(said["client"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["--trusted-proxy=*", "tests.interop.serving.wsgi_app:app"],
            78,
            "trusted_proxy",
        ),
        (
            ["--listen=192.0.2.1:9", "tests.interop.serving.wsgi_app:app"],
            69,
            "magic: cannot listen on 192.0.2.1:9: ",
        ),
        (["--nonsense", "a:b"], 1, "nonsense"),
        (["nowhere:app"], 1, "nowhere"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str],
    code: int,
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # waitress adds to it
    with pytest.raises(SystemExit) as ended:
        waitress.main([*words, "--trust", "127.0.0.0/8"])
    assert ended.value.code == code
    assert said in capfd.readouterr().err
