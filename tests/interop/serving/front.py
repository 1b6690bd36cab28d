"""Real senders in front of a server under test."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.interop import senders
from tests.interop.authority import Authority
from tests.interop.gateway import gateway
from tests.interop.peers import Address

__all__ = ["FORMATS", "SENDERS", "in_front"]

SENDERS = ("haproxy", "gateway")
FORMATS = ("magic", "proxy2")
"""What they send between them."""

(_HAPROXY,) = (one for one in senders.SENDERS if one.name == "haproxy-v2-crc")


def in_front(
    sender: str, node: Address, *, directory: Path, authority: Authority, tls: bool
) -> contextlib.AbstractContextManager[Address]:
    """Runs a sender; yields where it listens.

    Args:
        tls: whether clients speak TLS through it.
    """
    if sender == "haproxy":
        return _HAPROXY.to(node, directory=directory, authority=authority)
    options = ("--protocol", "ssl" if tls else "client_first")
    return gateway(node[0], node, enhance="magic", directory=directory, options=options)
