"""An HTTP server on waitress, which has no TLS: REMOTE_ADDR is the client.

    python examples/http_waitress.py 0.0.0.0 8080 10.0.0.0/8

As a command, with every option of waitress's own:

    PYTHONPATH=examples python -m sslmagic.servers.waitress --listen 0.0.0.0:8080 \
        --trust 10.0.0.0/8 http_waitress:app
"""

from __future__ import annotations

import sys
from typing import Any

from sslmagic import Trust
from sslmagic.servers import waitress
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


def main(host: str, port: int, *gateways: str) -> None:
    """Serve until interrupted."""
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    waitress.run(app, trust=trust, host=host, port=port)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
