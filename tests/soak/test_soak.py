"""`python -m tests.soak` measures what it says, and fails where something is lost."""

from __future__ import annotations

import dataclasses
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.interop.peers import needs
from tests.interop.serving.crowd import LATE, LEFT, SLOWER, Crowd
from tests.interop.serving.load import Load, load
from tests.soak import __main__ as soak
from tests.sslmagic.receiving import PATIENCE, listening

RIGHT = Crowd(
    number=100,
    first=3.0,
    last=3.1,
    rounds=((1.0, 1.1), (1.0, 9.0), (2.0, 2.0)),
    timeouts=100,
    memory=0,
)


def test_it_tells_each_servers_figures() -> None:
    needs("haproxy")
    said = subprocess.run(
        [
            *(sys.executable, "-m", "tests.soak", "http.server", "waitress"),
            *("--connections", "20", "--silent", "0"),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * PATIENCE,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    rows = [line.split()[:3] for line in said.stdout.splitlines()]
    assert ["http.server", "20", "0"] in rows
    assert ["waitress", "20", "0"] in rows
    assert "http.server: 20 of 20 answered" in said.stderr


def test_it_fails_where_something_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs("haproxy")
    lost = Load(answered=18, lost={"RefusedError(b'')": 2}, seconds=1.0)
    monkeypatch.setattr(soak, "load", lambda *_, **__: lost)
    monkeypatch.setattr(soak, "more_descriptors", lambda: None)
    code = soak.main(["--connections", "20", "--silent", "0", "http.server"])
    assert code == 1
    assert "http.server: 2 lost: RefusedError(b'')" in capsys.readouterr().out


def test_a_load_counts_what_it_loses() -> None:
    with listening() as server:

        def refuse() -> None:
            for _ in range(5):
                server.accept()[0].close()

        thread = threading.Thread(target=refuse)
        thread.start()
        seen = load(server.getsockname(), None, number=5)
        thread.join(PATIENCE)
    assert seen.answered == 0
    assert sum(seen.lost.values()) == 5


def test_a_load_comes_from_as_many_addresses() -> None:
    seen: set[tuple[str, int]] = set()
    with listening() as server:

        def answer() -> None:
            for _ in range(50):
                stream, client = server.accept()
                with stream:
                    stream.recv(65536)
                    host, port = client
                    said = b'{"client": ["%b", %d]}' % (host.encode(), port)
                    stream.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + said)
                    stream.shutdown(socket.SHUT_WR)
                seen.add(client)

        thread = threading.Thread(target=answer)
        thread.start()
        result = load(server.getsockname(), None, number=50)
        thread.join(PATIENCE)
    assert (result.answered, result.lost) == (50, {})
    assert len(seen) == 50


def test_one_round_that_was_disturbed_decides_nothing() -> None:
    assert RIGHT.ratio == pytest.approx(1.1)
    assert RIGHT.faults(deadline=3.0) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": 2.5},
        {"last": 3.0 + LATE + 0.01},
        {"rounds": ((1.0, SLOWER + 0.01),)},
        {"timeouts": 99},
        {"memory": 100 * LEFT + 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_each_fault_of_a_crowd_is_told(wrong: dict[str, object]) -> None:
    crowd = dataclasses.replace(RIGHT, **wrong)  # type: ignore[arg-type]
    assert len(crowd.faults(deadline=3.0)) == 1
