"""gunicorn's settings beside preambles: what must be off, and what its workers are."""

from __future__ import annotations

import enum
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sslmagic.errors import ConfigurationError
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.reception import Peer
from sslmagic.servers.entrance import believes_headers

__all__ = ["OFF", "Kind", "binds", "check", "kind"]

OFF: Mapping[str, Any] = {
    "forwarded_allow_ips": "",
    "secure_scheme_headers": {},
    "forwarder_headers": "",
    "proxy_allow_ips": "",
    "proxy_protocol": "off",
    "http2_cleartext": "off",
}
"""Our defaults: gunicorn's own believe loopback, and UNIX peers always."""

_HEADERS = ("forwarded_allow_ips", "secure_scheme_headers", "forwarder_headers")
_ENVIRONMENT = ("FORWARDED_ALLOW_IPS", "PROXY_ALLOW_FROM")


class Kind(enum.Enum):
    """How a worker serves, and so where it learns who its client is."""

    WSGI = enum.auto()
    ASGI = enum.auto()
    UVICORN = enum.auto()


_KINDS = {
    "gunicorn.workers.sync.SyncWorker": Kind.WSGI,
    "gunicorn.workers.gthread.ThreadWorker": Kind.WSGI,
    "gunicorn.workers.gasgi.ASGIWorker": Kind.ASGI,
    "uvicorn_worker._workers.UvicornWorker": Kind.UVICORN,
    "uvicorn.workers.UvicornWorker": Kind.UVICORN,
}
_GREEN = ("gevent", "eventlet", "tornado")
"""Workers that replace the socket module, or the loop. To load them is to do so."""


def check(config: Any) -> None:
    """Check a configuration of gunicorn that has been read from everywhere.

    Raises:
        ConfigurationError: it has gunicorn believe what any client could say.
    """
    for option in OFF:
        if config.settings[option].get() in ([], {}, "off"):
            continue
        if option in _HEADERS:
            raise believes_headers(option)
        if option == "http2_cleartext":
            raise ConfigurationError(
                "http2_cleartext: gunicorn speaks it with those alone whose forwarded"
                " headers it believes, and here it believes nobody's"
            )
        raise ConfigurationError(
            f"{option} has gunicorn read a preamble inside TLS, where any client could"
            " send one. Leave it out: trust says which formats are taken off, and whose"
        )
    for name in _ENVIRONMENT:
        if name in os.environ or name in config.env:
            raise believes_headers(f"the environment's {name}")
    if config.protocol != "http":
        raise ConfigurationError(
            f"protocol={config.protocol!r}: its requests say who their client is"
        )


def kind(config: Any) -> Kind:
    """Return the kind of worker that a configuration asks for.

    Raises:
        ConfigurationError: preambles are not taken off in such workers, or it believes
            forwarded headers by itself.
    """
    named: str = config.worker_class_str
    if any(word in named.lower() for word in _GREEN):
        raise _unable(named)
    # As gunicorn does, but only once it runs.
    for path in filter(None, (config.pythonpath or "").split(",")):
        if (place := str(Path(path).resolve())) not in sys.path:
            sys.path.insert(0, place)
    worker = config.worker_class
    for each in worker.__mro__:
        found = _KINDS.get(f"{each.__module__}.{each.__qualname__}")
        if found is Kind.UVICORN:
            _check_uvicorn(worker)
        if found is not None:
            return found
    raise _unable(named)


def binds(listen: Iterable[str]) -> tuple[tuple[str, ...], frozenset[Peer]]:
    """Return second addresses as gunicorn takes them, and as its sockets name them.

    Raises:
        ConfigurationError: one is a port of the kernel's choice.
    """
    texts: list[str] = []
    names: set[Peer] = set()
    for text in listen:
        if text.startswith("unix:"):
            texts.append(text)
            names.add(UnixEndpoint(text.removeprefix("unix:")))
            continue
        name = Endpoint.parse(_every() + text if text.startswith(":") else text)
        if not name.port:
            raise ConfigurationError(
                f"direct_listen: {text} is told from the other addresses by its port"
            )
        texts.append(str(name))
        names.add(name)
    return tuple(texts), frozenset(names)


def _every() -> str:
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError:
        return "0.0.0.0"
    return "[::]"


def _check_uvicorn(worker: Any) -> None:
    settings = worker.CONFIG_KWARGS
    where = f"{worker.__qualname__}.CONFIG_KWARGS"
    for option in ("proxy_headers", "forwarded_allow_ips"):
        if settings.get(option):
            raise believes_headers(f"{option} of {where}")
    if settings.get("reset_contextvars"):
        raise ConfigurationError(
            f"reset_contextvars of {where}: requests would no longer know their"
            " connection"
        )


def _unable(worker: str) -> ConfigurationError:
    return ConfigurationError(
        f"worker_class={worker!r}: preambles are taken off in the workers sync, gthread"
        " and asgi, and in uvicorn_worker.UvicornWorker"
    )
