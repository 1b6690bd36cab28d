"""An HTTPS server on gunicorn: REMOTE_ADDR is the client, in its access log too.

    python examples/https_gunicorn.py 0.0.0.0 8443 server.pem 10.0.0.0/8

As a command, with every option of gunicorn's own:

    python -m sslmagic.servers.gunicorn --pythonpath examples https_gunicorn:app \
        --bind 0.0.0.0:8443 --certfile server.pem --workers 4 --trust 10.0.0.0/8
"""

from __future__ import annotations

import sys
from typing import Any

from sslmagic import Trust
from sslmagic.servers import gunicorn
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
    # By the names of its configuration file, which `config` may name as well.
    gunicorn.run(
        app,
        trust=trust,
        bind=f"{host}:{port}",
        certfile=certificate,
        workers=2,
        accesslog="-",
    )


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
