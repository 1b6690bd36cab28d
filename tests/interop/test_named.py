"""X-Cluster-Client-Ip at running servers: one literal address, or 400 and counted."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.interop.peers import Address, Port, Process
from tests.sources import PROJECT
from tests.sslmagic.receiving import PATIENCE

PEER, STRANGER, CLIENT = "127.0.0.1", "127.0.0.2", "203.0.113.9"
NAME = "X-Cluster-Client-Ip"
ASGI, WSGI = "tests.interop.named:asgi_app", "tests.interop.named:wsgi_app"
DIRECT = ("--trust", "10.0.0.0/8", "--direct", "127.0.0.0/8")
SERVERS = {
    "uvicorn": ("uvicorn", ASGI, "--no-proxy-headers", "--port", "{number}"),
    "our-uvicorn": ("sslmagic.servers.uvicorn", *DIRECT, ASGI, "--port", "{number}"),
    "our-gunicorn": (
        *("sslmagic.servers.gunicorn", *DIRECT, "--bind", "{port}"),
        *("--worker-class", "gthread", WSGI),
    ),
}

Lines = list[tuple[str, str]]

BAD: dict[str, tuple[Lines, str]] = {
    "a list": ([(NAME, f"{CLIENT}, {CLIENT}")], "several"),
    "two headers": ([(NAME, CLIENT), (NAME, CLIENT)], "several"),
    "another spelling": ([("X.Cluster.Client.Ip", CLIENT)], "alias"),
    "underscores": ([("X_Cluster_Client_Ip", CLIENT)], "alias"),
    "underscores beside it": (
        [(NAME, CLIENT), ("X_Cluster_Client_Ip", CLIENT)],
        "several",
    ),
    "a port": ([(NAME, f"{CLIENT}:443")], "address"),
    "a name": ([(NAME, "shop.example")], "address"),
    "nothing": ([(NAME, "")], "address"),
}
"""What a peer that may name a client says, and why it is refused."""


class Running(NamedTuple):
    name: str
    address: Address

    def asked(self, lines: Lines, source: str = PEER) -> tuple[int, bytes]:
        """Status and body of an answer."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in lines)
        head = f"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n"
        origin = (source, 0)
        with socket.create_connection(self.address, PATIENCE, origin) as stream:
            stream.sendall(head.encode())
            answer = b"".join(iter(lambda: stream.recv(65536), b""))
        said, _, body = answer.partition(b"\r\n\r\n")
        return int(said.split()[1]), body

    def served(self, lines: Lines, source: str = PEER) -> dict[str, Any]:
        """What the application says."""
        status, body = self.asked(lines, source)
        assert status == 200
        said: dict[str, Any] = json.loads(body)
        return said

    @property
    def drops_underscores(self) -> bool:
        """Whether the server itself leaves out headers whose names have them."""
        return self.name == "our-gunicorn"


@pytest.fixture(scope="module", params=SERVERS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    port = Port()
    words = [
        word.format(port=port, number=port.number) for word in SERVERS[request.param]
    ]
    with Process(
        [sys.executable, "-m", *words],
        log=tmp_path_factory.mktemp("named") / "log",
        ports=[port],
        environment={"PYTHONPATH": str(PROJECT)},
    ):
        yield Running(request.param, port.address)


def test_a_peer_names_the_client(running: Running) -> None:
    assert running.served([(NAME, CLIENT)])["client"] == CLIENT
    assert running.served([])["client"] == PEER


@pytest.mark.parametrize("case", BAD)
def test_badly_named_is_400_and_counted(running: Running, case: str) -> None:
    lines, reason = BAD[case]
    before = running.served([])["counters"]
    if running.drops_underscores and "_" in lines[-1][0]:
        # Then there is nothing to refuse: what is left names the client, or nobody.
        said = running.served(lines)
        assert said["client"] == (CLIENT if lines[1:] else PEER)
        return
    status, body = running.asked(lines)
    assert status == 400
    assert body.count(b"\n") == 1
    after = running.served([])["counters"]
    counter = f"refused_{reason}"
    # The second question about the counters is one more request of nobody's.
    expected = {**before, "unnamed": before["unnamed"] + 1}
    assert after == {**expected, counter: before.get(counter, 0) + 1}


@pytest.mark.parametrize("case", BAD)
def test_of_a_stranger_it_is_removed(running: Running, case: str) -> None:
    said = running.served(BAD[case][0], STRANGER)
    assert said["client"] == STRANGER
    assert said["claims"] == []
