"""`magic gateway --protocol http` before real web servers that believe its header."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.authority import NAME, Authority
from tests.interop.client import Pieces, ask, octets, together
from tests.interop.gateway import gateway
from tests.interop.peers import LOOPBACK, SOURCES, Address, Process, needs, program
from tests.interop.receivers import CLEAR_RECEIVERS, Receiver
from tests.interop.senders import said

VICTIM = "203.0.113.7"

SPOOFS = {
    "none": "",
    "exact": f"X-Cluster-Client-Ip: {VICTIM}\r\n",
    "twice": f"x-cluster-client-ip: {VICTIM}\r\n" * 2,
    "underscores": f"X_Cluster_Client_Ip: {VICTIM}\r\n",
    "hop-by-hop": "Connection: X-Cluster-Client-Ip\r\n",
    "folded": f"X-CLUSTER-CLIENT-IP: {VICTIM}, {VICTIM}\r\n",
}


@pytest.fixture(scope="module", params=CLEAR_RECEIVERS, ids=lambda one: one.name)
def address(
    request: pytest.FixtureRequest,
    family: str,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Address]:
    receiver = request.param
    assert isinstance(receiver, Receiver)
    directory = tmp_path_factory.mktemp(f"clear-{receiver.name}")
    host = LOOPBACK[family]
    with (
        receiver.on(host, directory=directory, authority=authority) as node,
        gateway(
            host,
            node,
            enhance="none",
            directory=directory,
            options=("--protocol", "http"),
        ) as place,
    ):
        yield place


@pytest.mark.parametrize("spoof", SPOOFS)
@pytest.mark.parametrize("pieces", [together, octets])
def test_server_sees_the_client_whatever_it_says(
    address: Address, family: str, spoof: str, pieces: Pieces
) -> None:
    request = (
        f"GET / HTTP/1.1\r\nHost: {NAME}\r\n{SPOOFS[spoof]}Connection: close\r\n\r\n"
    )
    answer = ask(
        address, None, source=SOURCES[family], request=request.encode(), pieces=pieces
    )
    assert answer.body["client"][0] == answer.local[0]
    assert answer.body["said"] == answer.local[0]


def test_every_request_of_a_connection_is_the_clients(
    address: Address, family: str, tmp_path: Path
) -> None:
    needs("curl")
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(range(256)) * 8192)
    url = f"http://{said(address)}/"
    with Process(
        [
            *(program("curl") or "", "--silent", "--show-error", "--verbose"),
            *("--interface", SOURCES[family], "-H", f"X-Cluster-Client-Ip: {VICTIM}"),
            *(url, url, "--next", "--silent", "--show-error", "--verbose"),
            *("--interface", SOURCES[family], "--data-binary", f"@{upload}", url),
        ],
        log=tmp_path / "curl.log",
    ) as curl:
        said_of = re.escape(f'"said":"{SOURCES[family]}"')
        curl.until_said(f"(?s)({said_of}.*){{3}}")
    assert "Re-using existing connection" in curl.said()
    bodies = re.findall(r'\{"client".*?\}', curl.said())
    assert [json.loads(body)["client"][0] for body in bodies] == [SOURCES[family]] * 3
