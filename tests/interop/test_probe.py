"""What `magic probe` says of real listeners, as docs/probe.md has it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.interop import probing
from tests.interop.authority import Authority
from tests.interop.peers import READY, needs
from tests.interop.probed import LISTENERS, Listener
from tests.interop.probed_programs import Places
from tests.interop.probing import (
    COLUMNS,
    PAGE,
    Heard,
    await_service,
    hearing,
    row,
    words,
)
from tests.sslmagic.probe.scripted import listening


@pytest.fixture(scope="module")
def heard(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Mapping[str, Future[Heard]]]:
    with hearing(tmp_path_factory.mktemp("probed"), authority) as each:
        yield each


@pytest.mark.parametrize(
    "listener",
    LISTENERS,
    ids=[f"{one.place}-{one.source}" for one in LISTENERS],
)
def test_the_page_says_what_is_heard(
    listener: Listener, heard: Mapping[str, Future[Heard]]
) -> None:
    needs(*listener.needs)
    report = heard[listener.program].result()[listener]
    assert report.stopped is None
    said = row(listener, report)
    line = _table()[LISTENERS.index(listener)]
    assert dict(zip(COLUMNS, said.split(" | "), strict=True)) == dict(
        zip(COLUMNS, line.split(" | "), strict=True)
    )
    assert _lines("- **")[LISTENERS.index(listener)] == words(listener, report)


def test_the_page_has_every_listener() -> None:
    assert len(_table()) == len(_lines("- **")) == len(LISTENERS)


def test_a_program_that_is_slow_to_start_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: Authority
) -> None:
    go_on = threading.Event()

    @contextlib.contextmanager
    def quick(_: Path, __: Authority) -> Iterator[Places]:
        with listening(lambda connection: None) as address:
            yield {"here": address}

    @contextlib.contextmanager
    def slow(directory: Path, authority: Authority) -> Iterator[Places]:
        assert go_on.wait(READY)
        with quick(directory, authority) as places:
            yield places

    first, second = (
        Listener(name=name, setting="", program=name, place="here", patience=0.01)
        for name in ("slow", "quick")
    )
    monkeypatch.setattr(probing, "LISTENERS", (first, second))
    monkeypatch.setattr(probing, "PROGRAMS", {"slow": slow, "quick": quick})
    with hearing(tmp_path, authority) as heard:
        try:
            assert heard["quick"].result(READY)[second].trials
            assert not heard["slow"].done()
        finally:
            go_on.set()
        assert heard["slow"].result(READY)[first].trials


def test_who_listens_is_waited_for_until_it_serves() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        server.settimeout(READY)
        served = pool.submit(await_service, server.getsockname())
        connection, _ = server.accept()
        with connection:
            assert connection.recv(65536).startswith(b"GET ")
            assert not served.done()
        served.result(READY)


def _table() -> list[str]:
    return _lines("| ")[2:]


def _lines(start: str) -> list[str]:
    text = PAGE.read_text("utf-8").partition("<!-- heard -->")[2]
    return [line for line in text.splitlines() if line.startswith(start)]
