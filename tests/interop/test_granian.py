"""granian behind `magic node`: its own TLS works, and its peer is the node.

granian binds in Rust and reads no preamble. docs/behind-node.md says what that leaves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sslmagic import Preamble, encode
from tests.interop.authority import Authority
from tests.interop.client import RefusedError, ask
from tests.interop.gateway import gateway, node
from tests.interop.peers import Address, Port, Process

HOST, CLIENT = "127.0.0.1", "127.0.0.9"
PREAMBLE = encode(
    Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443)), "magic"
)
APP = """
import json

from sslmagic import Trust
from sslmagic.asgi import ClusterClientIP

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = json.dumps({"client": scope["client"]}).encode()
    fields = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})

named = ClusterClientIP(app, trust=Trust(peers=["127.0.0.1"]))
"""


class Way(NamedTuple):
    """Where each of them listens."""

    gateway: Address
    node: Address
    granian: Address


@pytest.fixture(scope="module")
def way(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Way]:
    directory = tmp_path_factory.mktemp("granian")
    port = Port(HOST)
    tls = ("--ssl-certificate", authority.certificate)
    key = ("--ssl-keyfile", pkcs8(authority.key, directory))
    with (
        granian(port, "app:app", *tls, *key, directory=directory),
        node(HOST, port.address, "--trust", HOST, directory=directory) as between,
        gateway(HOST, between, enhance="magic", directory=directory) as front,
    ):
        yield Way(gateway=front, node=between, granian=port.address)


def granian(port: Port, app: str, *options: str | Path, directory: Path) -> Process:
    (directory / "app.py").write_text(APP)
    command: list[str | Path] = [
        *(sys.executable, "-m", "granian", app, "--interface", "asgi", "--no-ws"),
        *("--loop", "asyncio", "--working-dir", directory),
        *("--host", port.host, "--port", str(port.number), *options),
    ]
    return Process(command, log=directory / "granian.log", ports=[port])


def pkcs8(key: Path, directory: Path) -> Path:
    """The key in the one form that granian reads."""
    private = load_pem_private_key(key.read_bytes(), None)
    said = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    written = directory / "key.pem"
    written.write_bytes(said)
    return written


def test_a_client_verifies_granian_through_gateway_and_node(
    way: Way, authority: Authority
) -> None:
    answer = ask(way.gateway, authority.client(), source=CLIENT)
    assert answer.version == "TLSv1.3"
    # What the document says plainly: not the client.
    assert answer.client[0] == HOST


def test_granian_by_itself_takes_a_preamble_for_no_tls(
    way: Way, authority: Authority
) -> None:
    with pytest.raises(RefusedError):
        ask(way.granian, authority.client(), before=PREAMBLE)


@pytest.mark.parametrize(
    ("source", "before"),
    [(CLIENT, PREAMBLE), (CLIENT, b""), (HOST, b"")],
    ids=["a stranger's preamble", "a stranger's TLS", "TLS without a preamble"],
)
def test_the_node_refuses_strangers(
    way: Way, authority: Authority, source: str, before: bytes
) -> None:
    with pytest.raises(RefusedError) as refused:
        ask(way.node, authority.client(), source=source, before=before)
    assert refused.value.received == b""


def test_in_clear_a_gateway_s_header_names_the_client(tmp_path: Path) -> None:
    """What granian itself takes for its peer is the gateway, so that it is believed."""
    port, http = Port(HOST), ("--protocol", "http")
    with (
        granian(port, "app:named", directory=tmp_path),
        gateway(
            HOST, port.address, enhance="none", options=http, directory=tmp_path
        ) as front,
    ):
        answer = ask(front, None, source=CLIENT)
        direct = ask(port.address, None, source=CLIENT)
    assert answer.body["client"] == [CLIENT, 0]
    assert direct.client == direct.local
