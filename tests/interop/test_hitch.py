"""hitch in front of a server without TLS: it takes TLS off, and no preamble."""

from __future__ import annotations

from pathlib import Path

from tests.interop.authority import Authority
from tests.interop.client import ask
from tests.interop.gateway import gateway
from tests.interop.peers import LOOPBACK, SOURCES
from tests.interop.receivers import RECEIVERS
from tests.interop.serving.place import Place
from tests.interop.serving.variant import serving
from tests.interop.serving.waitress import VARIANTS

HITCH = next(receiver for receiver in RECEIVERS if receiver.passes_on == "same")


def test_waitress_sees_the_client_whose_tls_hitch_took_off(
    authority: Authority, tmp_path: Path
) -> None:
    """As docs/behind-node.md has it."""
    host = LOOPBACK["ipv4"]
    place = Place(peers=(host,), formats=("proxy2",))
    with serving(VARIANTS[0], place, directory=tmp_path) as behind:
        node = behind.address
        assert not isinstance(node, Path)
        with (
            HITCH.on(
                host, directory=tmp_path, authority=authority, node=node
            ) as between,
            gateway(host, between, enhance="proxy2", directory=tmp_path) as address,
        ):
            answer = ask(address, authority.client(), source=SOURCES["ipv4"])
    assert answer.client == answer.local
