"""Flask: `request.remote_addr` is the client, behind a preamble and behind a header.

Over TLS of its own, behind a gateway that sends preambles:

    python -m sslmagic.servers.gunicorn --pythonpath examples flask_app:app \
        --bind 0.0.0.0:8443 --certfile server.pem --trust 10.0.0.0/8

In plain HTTP behind one that says X-Cluster-Client-Ip, on that server or another:

    gunicorn --pythonpath examples flask_app:app
"""

from __future__ import annotations

from flask import Flask, request

from sslmagic import Trust
from sslmagic.wsgi import ClusterClientIP

GATEWAYS = ["127.0.0.1", "unix"]

app = Flask(__name__)
app.wsgi_app = ClusterClientIP(  # type: ignore[method-assign]  # as Flask has it
    app.wsgi_app, trust=Trust(peers=GATEWAYS)
)


@app.get("/")
def index() -> tuple[str, dict[str, str]]:
    """Answer with the client's address and where it connected."""
    preamble = request.environ["sslmagic.preamble"]
    to = (preamble and preamble.destination) or "us"
    # A gateway's health check may come from nobody.
    body = f"{request.remote_addr or 'nobody'} connected to {to}\n"
    return body, {"Content-Type": "text/plain"}
