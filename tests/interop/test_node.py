"""`magic node` behind real peers: it says again what they say, TLS end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslmagic.tlv import HOP_TYPES, Type
from tests.interop.authority import HELLOS, Authority
from tests.interop.backends import BACKENDS, serve
from tests.interop.client import ask
from tests.interop.gateway import gateway, node
from tests.interop.peers import LOOPBACK, SOURCES
from tests.interop.receivers import RECEIVERS, Receiver
from tests.interop.senders import SENDERS, Sender

HOP = {Type(one).name for one in HOP_TYPES}


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.name)
def test_node_says_again_in_magic_what_a_peer_says(
    sender: Sender, family: str, authority: Authority, tmp_path: Path
) -> None:
    host = LOOPBACK[family]
    tls = authority.server() if sender.client_tls else None
    options = ("--trust", host, "--accept", sender.format, "--as", "magic")
    with (
        serve(BACKENDS[0], host, formats="magic", tls=tls) as behind,
        node(host, behind, *options, directory=tmp_path) as between,
        sender.to(between, directory=tmp_path, authority=authority) as address,
    ):
        for hello in HELLOS:
            context = authority.client(hello=hello)
            answer = ask(address, context, source=SOURCES[family])
            assert answer.client == answer.local
            assert answer.body["destination"] == list(answer.remote)
            assert set(answer.body["tlvs"]) == sender.tlvs - HOP


@pytest.mark.parametrize("format", ["proxy1", "proxy2"])
@pytest.mark.parametrize(
    "receiver",
    [receiver for receiver in RECEIVERS if receiver.passes_on is None],
    ids=lambda receiver: receiver.name,
)
def test_node_says_in_proxy_what_came_in_magic(
    receiver: Receiver, format: str, authority: Authority, tmp_path: Path
) -> None:
    """For servers that know PROXY and not MAGIC: docs/behind-node.md."""
    host, options = LOOPBACK["ipv4"], ("--trust", LOOPBACK["ipv4"], "--as", format)
    with (
        receiver.on(host, directory=tmp_path, authority=authority) as behind,
        node(host, behind, *options, directory=tmp_path) as between,
        gateway(host, between, enhance="magic", directory=tmp_path) as address,
    ):
        answer = ask(address, authority.client(), source=SOURCES["ipv4"])
    assert answer.client == answer.local
