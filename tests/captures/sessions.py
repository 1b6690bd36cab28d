"""The TLS sessions inside crafted captures: ``python -m tests.captures.sessions``.

They were recorded once: TLS draws new numbers each time, another OpenSSL says another
ClientHello, and captures that are made again shall be the same octets.
"""

from __future__ import annotations

import functools
import json
import ssl
from pathlib import Path

import trustme

from sslmagic.dissect.session import Session, Version

__all__ = ["SESSIONS", "session"]

SESSIONS = Path(__file__).with_suffix(".json")


@functools.cache
def session(version: Version = "1.2") -> Session:
    """The session of that version, for shop.example, with h2 and http/1.1 offered."""
    return Session.of(json.loads(SESSIONS.read_text("utf-8"))[version])


def main() -> None:
    """Record both again."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("shop.example").configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    versions: tuple[Version, ...] = ("1.2", "1.3")
    kept = {
        version: Session.made(context, version=version, alpn=["h2", "http/1.1"]).kept()
        for version in versions
    }
    SESSIONS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
