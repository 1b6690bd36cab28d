# pyright: standard
# cheroot has no types.
"""An HTTPS server on cheroot: REMOTE_ADDR is the client.

    python examples/https_cheroot.py 0.0.0.0 8443 server.pem 10.0.0.0/8

Its command has no TLS, and takes a preamble off in clear:

    PYTHONPATH=examples python -m sslmagic.servers.cheroot https_cheroot:app \
        --bind 0.0.0.0:8080 --trust 10.0.0.0/8
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from cheroot.ssl.builtin import BuiltinSSLAdapter

from sslmagic import Trust
from sslmagic.servers import cheroot
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
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    tls = BuiltinSSLAdapter(certificate, certificate)
    with contextlib.suppress(KeyboardInterrupt):
        cheroot.run(app, (host, port), trust=trust, ssl_adapter=tls)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
