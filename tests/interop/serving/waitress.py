"""waitress, which has no TLS."""

from __future__ import annotations

from typing import Any

from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS"]


def _serve(place: Place) -> None:
    from sslmagic.servers import waitress
    from tests.interop.serving.wsgi_app import app

    where: dict[str, Any] = {"unix_socket": place.uds}
    if place.uds is None:
        where = {"host": place.host, "port": place.port}
    waitress.run(app, **where, **place.entrance)


VARIANTS = (Variant(name="waitress", serve=_serve, tls=False),)
