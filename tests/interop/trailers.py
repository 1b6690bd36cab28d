"""Applications that believe X-Forwarded-For of 127.0.0.1, as their servers have it."""

from __future__ import annotations

from sslmagic import Trust, asgi, wsgi
from tests.sslmagic.servers import request_app

__all__ = ["asgi_app", "wsgi_app"]

_TRUST = Trust(peers=["127.0.0.1"])
_ACCEPT = ["x-forwarded-for"]

asgi_app = asgi.ClusterClientIP(request_app.asgi, trust=_TRUST, accept=_ACCEPT)
wsgi_app = wsgi.ClusterClientIP(request_app.wsgi, trust=_TRUST, accept=_ACCEPT)
