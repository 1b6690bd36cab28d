"""WSGI: each connection's client in its environ, and no header that names another.

REMOTE_ADDR, REMOTE_PORT   the client's; the address is empty where there is none
sslmagic.preamble          what named the client; None on a direct connection
sslmagic.peer              the other end of the TCP connection
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sslmagic.headers import claims_forwarding
from sslmagic.listener.peername import IPName, PeerName

__all__ = [
    "PEER",
    "PREAMBLE",
    "Application",
    "ClientEnviron",
    "Environ",
    "introduce",
]

PREAMBLE = "sslmagic.preamble"
PEER = "sslmagic.peer"

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_HEADER = "HTTP_"


class ClientEnviron:
    """A WSGI application whose server's connections a listener accepted.

    On a connection that had a preamble, the headers are removed that may name another
    client: X-Cluster-Client-Ip, X-Forwarded-* and Forwarded.

    Args:
        app: the application, which gets each environ with its client.
        name: finds the peer's name of a request in the server's environ.
    """

    def __init__(self, app: Application, name: Callable[[Environ], PeerName]) -> None:
        self.app = app
        self._name = name

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        introduce(environ, self._name(environ))
        return self.app(environ, start_response)


def introduce(environ: Environ, name: PeerName) -> None:
    """Put the client that *name* says into *environ*."""
    if isinstance(name, IPName):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = name[0], str(name[1])
    else:
        environ["REMOTE_ADDR"] = str(name)
        environ.pop("REMOTE_PORT", None)
    # What a server looked up about its peer does not hold for the client.
    environ.pop("REMOTE_HOST", None)
    environ[PREAMBLE], environ[PEER] = name.preamble, name.peer
    if name.preamble is not None:
        for key in [key for key in environ if _claims(key)]:
            del environ[key]


def _claims(key: str) -> bool:
    return key.startswith(_HEADER) and claims_forwarding(
        key[len(_HEADER) :].encode("latin-1", "replace")
    )
