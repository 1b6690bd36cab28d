"""cheroot with its builtin TLS adapter, and with the one of pyOpenSSL."""

from __future__ import annotations

from functools import partial

from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS"]


def _serve(adapter: str, place: Place) -> None:
    from cheroot.server import get_ssl_adapter_class

    from sslmagic.servers import cheroot
    from tests.interop.serving.wsgi_app import app

    tls = None
    if place.certificate is not None:
        tls = get_ssl_adapter_class(adapter)(place.certificate, place.key)
    cheroot.run(
        app,
        (place.host, place.port) if place.uds is None else place.uds,
        ssl_adapter=tls,
        **place.entrance,
    )


VARIANTS = (
    Variant(name="cheroot", serve=partial(_serve, "builtin")),
    Variant(name="cheroot-pyopenssl", serve=partial(_serve, "pyopenssl")),
)
