"""An HTTPS server on aiohttp: `request.remote` is the client, in its log too.

    python examples/https_aiohttp.py 0.0.0.0 8443 server.pem 10.0.0.0/8

Where a program has a runner of its own, `Site` stands for aiohttp's TCPSite.
"""

from __future__ import annotations

import ssl
import sys

from aiohttp import web

from sslmagic import Trust
from sslmagic.servers import aiohttp
from sslmagic.servers.aiohttp import CLIENT


async def index(request: web.Request) -> web.Response:
    """Answer with the client's address and where it connected."""
    preamble = request[CLIENT].preamble
    to = (preamble and preamble.destination) or "us"
    # A gateway's health check may come from nobody.
    return web.Response(text=f"{request.remote or 'nobody'} connected to {to}\n")


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    app = web.Application()
    app.add_routes([web.get("/", index)])
    aiohttp.run(app, trust=trust, host=host, port=port, ssl_context=context)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
