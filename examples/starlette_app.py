"""Starlette: `request.client` is the client, behind a preamble and behind a header.

Over TLS of its own, behind a gateway that sends preambles:

    python -m sslmagic.servers.uvicorn --app-dir examples starlette_app:app \
        --host 0.0.0.0 --port 8443 --ssl-certfile server.pem --trust 10.0.0.0/8

In plain HTTP behind one that says X-Cluster-Client-Ip, on that server or another:

    uvicorn --app-dir examples --no-proxy-headers starlette_app:app
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sslmagic import Trust
from sslmagic.asgi import ClusterClientIP

GATEWAYS = ["127.0.0.1", "unix"]


async def index(request: Request) -> PlainTextResponse:
    """Answer with the client's address and where it connected."""
    # A gateway's health check may come from nobody.
    client = "nobody" if request.client is None else request.client.host
    preamble = request.scope["extensions"]["sslmagic"]["preamble"]
    to = (preamble and preamble.destination) or "us"
    return PlainTextResponse(f"{client} connected to {to}\n")


app = Starlette(routes=[Route("/", index)])
app.add_middleware(ClusterClientIP, trust=Trust(peers=GATEWAYS))
