"""The TLS sessions behind crafted preambles: each a real handshake of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sslmagic_cli.craft.extra import needed

if TYPE_CHECKING:
    from sslmagic.dissect.session import Session, Version

__all__ = ["sessions"]


def sessions(words: dict[str, Any]) -> Iterator[Session | None]:
    """Yield a session for each connection, without end; None is a request in clear.

    Raises:
        CommandError: the extra is not installed.
    """
    version: Version | str = words["tls"]
    if version == "none":
        while True:
            yield None
    import ssl

    with needed():
        import trustme
    from sslmagic.dissect.session import Session

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Nobody verifies it, and not every name that TLS can say may stand in one.
    trustme.CA().issue_cert("shop.example").configure_cert(context)
    if words["alpn"]:
        context.set_alpn_protocols(words["alpn"])
    while True:
        yield Session.made(
            context,
            version=version,  # type: ignore[arg-type]
            server_name=words["server_name"],
            alpn=words["alpn"],
        )
