"""Twisted's HTTP on two reactors, with HTTP/2 where ALPN chooses it."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.interop.serving.answer import answer
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS", "site"]


def site() -> Any:
    """A site that says whom it sees, and logs it."""
    from twisted.web.resource import Resource
    from twisted.web.server import Site

    class Said(Resource):
        isLeaf = True  # noqa: N815  # Twisted's name

        def render_GET(self, request: Any) -> bytes:  # noqa: N802  # Twisted's name
            seen = request.getClientAddress()
            named = hasattr(seen, "host")
            client = (seen.host, seen.port) if named else (seen.name or b"").decode()
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, values in request.requestHeaders.getAllRawHeaders()
                for value in values
            ]
            return answer(client, seen.preamble, seen.peer, headers)

    resource: Any = Said
    return Site(resource())


def _serve(reactor: str, place: Place) -> None:
    import sys

    if reactor == "asyncio":
        from twisted.internet import asyncioreactor

        asyncioreactor.install()
    from twisted.python import log

    from sslmagic.servers import twisted

    log.startLogging(sys.stderr, setStdout=False)
    where = f"tcp:{place.port}:interface={place.host}"
    if place.uds is not None:
        where = f"unix:{place.uds}"
    elif place.certificate is not None:
        where = (
            f"ssl:{place.port}:interface={place.host}"
            f":certKey={place.certificate}:privateKey={place.key}"
        )
    twisted.run(_secured(place), where, **place.entrance)


def _secured(place: Place) -> Any:
    """The site; in TLS on a UNIX socket, for which Twisted has no description."""
    if place.uds is None or place.certificate is None:
        return site()
    from twisted.internet import ssl
    from twisted.protocols.tls import TLSMemoryBIOFactory

    assert place.key is not None
    context: Any = ssl.DefaultOpenSSLContextFactory(place.key, place.certificate)
    return TLSMemoryBIOFactory(context, False, site())


_LOG = r'"203\.0\.113\.9" - - .*"GET / HTTP/1\.1" 200'

VARIANTS = (
    Variant(name="twisted", serve=partial(_serve, "default"), http2=True, log=_LOG),
    Variant(
        name="twisted-asyncio", serve=partial(_serve, "asyncio"), http2=True, log=_LOG
    ),
)
