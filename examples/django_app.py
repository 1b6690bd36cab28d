# pyright: standard, reportArgumentType=none
# Django says no types, and those that can be guessed are wrong.
"""Django: META["REMOTE_ADDR"] is the client, behind a preamble and behind a header.

Over TLS of its own, behind a gateway that sends preambles, as WSGI or as ASGI:

    python -m sslmagic.servers.gunicorn --pythonpath examples django_app:application \
        --bind 0.0.0.0:8443 --certfile server.pem --trust 10.0.0.0/8
    python -m sslmagic.servers.uvicorn --app-dir examples django_app:asgi_application \
        --host 0.0.0.0 --port 8443 --ssl-certfile server.pem --trust 10.0.0.0/8

In plain HTTP behind one that says X-Cluster-Client-Ip, on these servers or others:

    gunicorn --pythonpath examples django_app:application
    uvicorn --app-dir examples --no-proxy-headers django_app:asgi_application

In a project, `application` stands in wsgi.py and the other in asgi.py.
"""

from __future__ import annotations

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from sslmagic import Preamble, Trust, asgi, wsgi

GATEWAYS = Trust(peers=["127.0.0.1", "unix"])


def index(request: HttpRequest) -> HttpResponse:
    """Answer with the client's address and where it connected."""
    preamble = preamble_of(request)
    to = (preamble and preamble.destination) or "us"
    # A gateway's health check may come from nobody.
    client = request.META.get("REMOTE_ADDR") or "nobody"
    return HttpResponse(f"{client} connected to {to}\n", content_type="text/plain")


def preamble_of(request: HttpRequest) -> Preamble | None:
    """Return what named the client; None if nothing did."""
    preamble: Preamble | None
    if isinstance(request, ASGIRequest):
        preamble = request.scope["extensions"]["sslmagic"]["preamble"]
    else:
        preamble = request.META["sslmagic.preamble"]
    return preamble


urlpatterns = [path("", index)]

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="a secret of yours",
)

application = wsgi.ClusterClientIP(get_wsgi_application(), trust=GATEWAYS)
asgi_application = asgi.ClusterClientIP(get_asgi_application(), trust=GATEWAYS)
