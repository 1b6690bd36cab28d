# pyright: standard
# zope.interface, in which Twisted says what is what, has no types.
"""An HTTPS server on Twisted: the client is whom its requests and its log name.

    python examples/https_twisted.py 0.0.0.0 8443 server.pem 10.0.0.0/8

In Twisted's own commands it is a description, here of a server of files:

    twist web --path . --listen \
        sslmagic:ssl:8443:privateKey=server.pem:trust=10.0.0.0/8
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.endpoints import quoteStringArgument
from twisted.web.resource import Resource
from twisted.web.server import Site

from sslmagic import Trust
from sslmagic.servers import twisted


class Index(Resource):
    """Says who asks."""

    isLeaf = True  # noqa: N815  # Twisted's name

    def render_GET(self, request: Any) -> bytes:  # noqa: N802  # Twisted's name
        """Answer with the client's address and where it connected."""
        client = request.getClientAddress()
        to = (client.preamble and client.preamble.destination) or "us"
        # A gateway's health check may come from nobody.
        return f"{client.host or 'nobody'} connected to {to}\n".encode()


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    place, pem = quoteStringArgument(host), quoteStringArgument(certificate)
    where = f"ssl:{port}:interface={place}:privateKey={pem}"
    site = Site(Index())  # type: ignore[no-untyped-call]  # by Twisted
    twisted.run(site, where, trust=trust)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
