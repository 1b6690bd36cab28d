"""FastAPI: `request.client` is the client, behind a preamble and behind a header.

Over TLS of its own, behind a gateway that sends preambles:

    python -m sslmagic.servers.uvicorn --app-dir examples fastapi_app:app \
        --host 0.0.0.0 --port 8443 --ssl-certfile server.pem --trust 10.0.0.0/8

In plain HTTP behind one that says X-Cluster-Client-Ip, on that server or another:

    uvicorn --app-dir examples --no-proxy-headers fastapi_app:app
"""

from __future__ import annotations

from fastapi import FastAPI, Request

from sslmagic import Trust
from sslmagic.asgi import ClusterClientIP

GATEWAYS = ["127.0.0.1", "unix"]

app = FastAPI()
app.add_middleware(ClusterClientIP, trust=Trust(peers=GATEWAYS))


@app.get("/")
async def index(request: Request) -> dict[str, str | None]:
    """Answer with the client's address and where it connected."""
    preamble = request.scope["extensions"]["sslmagic"]["preamble"]
    destination = preamble and preamble.destination
    return {
        # A gateway's health check may come from nobody.
        "client": None if request.client is None else request.client.host,
        "destination": str(destination) if destination else None,
    }
