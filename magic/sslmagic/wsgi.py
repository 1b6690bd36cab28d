"""WSGI: each request's client in its environ, and no known header for another.

REMOTE_ADDR, REMOTE_PORT   the client's; the address is empty where there is none
sslmagic.preamble          what named the client; None on a direct connection
sslmagic.peer              the other end of the TCP connection
sslmagic.header            the header that named the client, if one did

`ClientEnviron` is what our servers put round an application. `ClusterClientIP` is for
applications on any server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from sslmagic.attribution import (
    BAD_REQUEST,
    CLUSTER,
    INTERNAL_SERVER_ERROR,
    Attribution,
    Counters,
    RewrittenError,
    peer_at,
)
from sslmagic.forwarded import is_named
from sslmagic.headers import Header, HeaderError, claims_forwarding
from sslmagic.listener.peername import PairName, PeerName, pair_name
from sslmagic.reception import Peer
from sslmagic.trust import Trust

__all__ = [
    "HEADER",
    "PEER",
    "PREAMBLE",
    "Application",
    "ClientEnviron",
    "ClusterClientIP",
    "Environ",
    "introduce",
]

PREAMBLE = "sslmagic.preamble"
PEER = "sslmagic.peer"
HEADER = "sslmagic.header"

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_HEADER = "HTTP_"
_PROXY_FIX = "werkzeug.proxy_fix.orig"


class ClientEnviron:
    """A WSGI application whose server's connections a listener accepted.

    On a connection that had a preamble, the headers are removed in which an application
    may look for another client: those of `sslmagic.headers.claims_forwarding`.

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


class ClusterClientIP:
    """A WSGI application whose requests are from whom a trusted peer names.

    For any server, ours or not. *app* gets every environ with its client; requests
    whose client a trusted peer names badly are answered 400.

    A server makes ``HTTP_X_FORWARDED_FOR`` of X_Forwarded_For as well, unless it drops
    names with underscores (gunicorn, waitress and Werkzeug's do; wsgiref, Twisted and
    Tornado do not). Then a proxy in front has to, or its own words and the client's
    cannot be told apart.

    Args:
        app: the application.
        trust: which TCP peers may name a client; those of a UNIX socket are `unix`.
        accept: the headers that they may name it in: X-Cluster-Client-Ip, and by name
            X-Forwarded-For and Forwarded.

    Raises:
        ConfigurationError: *accept* is empty, or has another header.
    """

    def __init__(
        self, app: Application, *, trust: Trust, accept: Iterable[str] = (CLUSTER,)
    ) -> None:
        self.app = app
        self._attribution = Attribution(trust, accept)

    @property
    def counters(self) -> Counters:
        """What became of the requests."""
        return self._attribution.counters

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        try:
            self._attribute(environ)
        except HeaderError:
            return _answer(start_response, *BAD_REQUEST)
        except RewrittenError as error:
            self._attribution.rewritten(error)
            return _answer(start_response, *INTERNAL_SERVER_ERROR)
        return self.app(environ, start_response)

    def _attribute(self, environ: Environ) -> None:
        peer = environ[PEER] if PEER in environ else _peer(environ)
        preamble = environ.get(PREAMBLE)
        keys = [key for key in environ if _claims(key)]
        said = self._attribution.decide(
            _lines(environ, keys),
            peer=peer,
            preamble=preamble is not None,
        )
        kept = {name: value.decode("latin-1") for name, value in said.headers}
        for key in keys:
            if (value := kept.get(_name(key))) is None:
                del environ[key]
            else:
                environ[key] = value
        if said.client is not None:
            environ["REMOTE_ADDR"] = said.client
            environ.pop("REMOTE_PORT", None)
            environ.pop("REMOTE_HOST", None)
        environ[PREAMBLE], environ[PEER] = preamble, peer
        environ[HEADER] = said.header


def introduce(environ: Environ, name: PeerName) -> None:
    """Put the client that *name* says into *environ*."""
    pair = pair_name(name)
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = pair[0], str(pair[1])
    if isinstance(pair, PairName):
        del environ["REMOTE_PORT"]
    # What a server looked up about its peer does not hold for the client.
    environ.pop("REMOTE_HOST", None)
    environ[PREAMBLE], environ[PEER] = name.preamble, name.peer
    if name.preamble is not None:
        for key in [key for key in environ if _claims(key)]:
            del environ[key]


def _peer(environ: Environ) -> Peer | None:
    """Return the TCP peer by the word of a server that is not ours.

    Raises:
        RewrittenError: the server may have somebody else's address from a header.
    """
    host, port = environ.get("REMOTE_ADDR") or "", str(environ.get("REMOTE_PORT"))
    keys = [key for key in environ if _claims(key)]
    # waitress puts the address of a header there and leaves the peer's own port.
    if host and (
        port == "0" or _PROXY_FIX in environ or is_named(host, _lines(environ, keys))
    ):
        raise RewrittenError(
            f"REMOTE_ADDR is {host!a}, and a handling of forwarded headers may have put"
            " it there (werkzeug's ProxyFix, waitress's trusted_proxy): turn it off, so"
            " that the TCP peer can be told"
        )
    return peer_at(host, int(port) if port.isdecimal() else 0)


def _answer(start_response: Any, status: int, line: bytes) -> Iterable[bytes]:
    start_response(
        f"{status} {HTTPStatus(status).phrase}",
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(line))),
        ],
    )
    return [line]


def _lines(environ: Environ, keys: Iterable[str]) -> list[Header]:
    return [(_name(key), environ[key].encode("latin-1", "replace")) for key in keys]


def _claims(key: str) -> bool:
    return key.startswith(_HEADER) and claims_forwarding(_name(key))


def _name(key: str) -> bytes:
    """Return the name of a header as it was on the wire, as far as WSGI knows it."""
    name = key[len(_HEADER) :].replace("_", "-")
    return name.encode("latin-1", "replace")
