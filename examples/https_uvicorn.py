"""An HTTPS server on uvicorn: scope["client"] is the client, in its access log too.

    python examples/https_uvicorn.py 0.0.0.0 8443 server.pem 10.0.0.0/8

As a command, with every option of uvicorn's own:

    python -m sslmagic.servers.uvicorn --app-dir examples https_uvicorn:app \
        --host 0.0.0.0 --port 8443 --ssl-certfile server.pem --trust 10.0.0.0/8
"""

from __future__ import annotations

import sys
from typing import Any

from sslmagic import Trust
from sslmagic.servers import uvicorn


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Answer with the client's address and where it connected."""
    if scope["type"] != "http":
        return
    preamble = scope["extensions"]["sslmagic"]["preamble"]
    to = (preamble and preamble.destination) or "us"
    # A gateway's health check may come from nobody.
    body = f"{scope['client'] or 'nobody'} connected to {to}\n".encode()
    fields = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    uvicorn.run(app, trust=trust, host=host, port=port, ssl_certfile=certificate)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
