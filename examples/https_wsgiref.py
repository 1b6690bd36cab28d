"""An HTTPS server on wsgiref: REMOTE_ADDR is the client, in its log too.

    python examples/https_wsgiref.py 0.0.0.0 8443 server.pem 10.0.0.0/8

`sslmagic.servers.wsgiref` has no command, because wsgiref has none.
"""

from __future__ import annotations

import ssl
import sys
from typing import Any

from sslmagic import Trust
from sslmagic.servers import wsgiref
from sslmagic.wsgi import Environ


def app(environ: Environ, start_response: Any) -> list[bytes]:
    """Answer with the client's address and where it connected."""
    preamble = environ["sslmagic.preamble"]
    to = (preamble and preamble.destination) or "us"
    # A gateway's health check may come from nobody.
    client = environ["REMOTE_ADDR"] or "nobody"
    body = f"{client} connected to {to}\n".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    wsgiref.run(app, (host, port), trust=trust, ssl=context)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
