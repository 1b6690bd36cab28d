"""Entrance: how connections enter a server, the same in every module here."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import socket
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

from sslmagic.errors import ConfigurationError
from sslmagic.listener import WAITING, Listener
from sslmagic.listener.arrivals import Rules
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.reception import DEADLINE
from sslmagic.relay.address import Address
from sslmagic.relay.listening import Listening, UnixFile
from sslmagic.servers.resources import listening_on
from sslmagic.sockets import TLSListener
from sslmagic.trust import Trust

__all__ = ["Addresses", "Entrance", "believes_headers"]

Addresses = str | Iterable[str]
"""Where to listen: ``IP:PORT``, ``[IP6]:PORT``, ``:PORT`` for every address of both
families, or ``unix:/path``."""

_UNIX = "unix:"
_DIRECT = Trust(others="direct")
_FILES: set[UnixFile] = set()
"""Those of servers that nobody has closed, removed when this process exits."""


@dataclasses.dataclass(frozen=True, slots=True, init=False)
class Entrance:
    """Which listeners a server has; it travels to worker processes.

    Raises:
        ConfigurationError: an address of *direct_listen* is none, a limit is out of
            range, or *trust* is no `Trust`.
    """

    trust: Trust
    """Which peers may speak for a client."""
    direct_listen: tuple[str, ...]
    """Second addresses whose clients send no preamble: health checks, say."""
    deadline: float
    """Seconds that a connection has for its whole preamble."""
    waiting: int
    """Connections that may wait for it at a time, per listener."""

    def __init__(
        self,
        trust: Trust,
        *,
        direct_listen: Addresses = (),
        deadline: float = DEADLINE,
        waiting: int = WAITING,
    ) -> None:
        # Here, for worker processes would be started for ever to find it out.
        Rules(trust, deadline, waiting).check()
        listed = direct_listen
        addresses = (listed,) if isinstance(listed, str) else tuple(listed)
        for text in addresses:
            _address(text)
        put = object.__setattr__
        put(self, "trust", trust)
        put(self, "direct_listen", addresses)
        put(self, "deadline", deadline)
        put(self, "waiting", waiting)

    def listener(
        self, sock: socket.socket, kind: type[Listener] = Listener
    ) -> Listener:
        """Return what takes *sock* over and takes preambles off.

        Args:
            sock: bound, in any state of `listen`.
            kind: what it becomes.

        Raises:
            ConfigurationError: it is no stream socket.
        """
        return kind(
            sock, trust=self.trust, deadline=self.deadline, waiting=self.waiting
        )

    def tls_listener(self, sock: socket.socket, ssl: SSLContext) -> TLSListener:
        """Return the same, whose connections are TLS that has not shaken hands.

        Raises:
            ConfigurationError: it is no stream socket.
        """
        return TLSListener(
            sock,
            ssl=ssl,
            trust=self.trust,
            deadline=self.deadline,
            waiting=self.waiting,
        )

    @property
    def direct(self) -> Entrance:
        """The entrance of the second addresses: the same, and nobody is trusted."""
        return Entrance(_DIRECT, deadline=self.deadline, waiting=self.waiting)

    def direct_places(self) -> list[tuple[Any, ...] | str]:
        """Return the second addresses as `bind` takes them: for who binds himself."""
        return [_address(text).name for text in self.direct_listen]  # type: ignore[misc]

    def direct_sockets(self, ending: contextlib.ExitStack) -> list[socket.socket]:
        """Listen at the second addresses.

        Args:
            ending: with which files of UNIX sockets are removed; it is closed where the
                server closes its sockets. They are when this process exits, at the
                latest.

        Raises:
            AddressError: one cannot be had.
        """
        with contextlib.ExitStack() as closed:
            made: list[Listening] = []
            for text in self.direct_listen:
                made.append(_listening(text))
                closed.callback(made[-1].close)
            closed.pop_all()
        for file in (each.file for each in made if each.file is not None):
            _FILES.add(file)
            ending.callback(_remove, file)
        return [each.socket for each in made]


def believes_headers(option: str) -> ConfigurationError:
    """Return what is wrong with an option of a server that believes such headers."""
    return ConfigurationError(
        f"{option} has the server believe forwarded headers, and whom it believes it"
        " would decide by the address that a preamble gave: any client could name"
        " another. Leave it out; sslmagic.asgi and sslmagic.wsgi read what trusted"
        " peers say in X-Cluster-Client-Ip"
    )


def _remove(file: UnixFile) -> None:
    _FILES.discard(file)
    file.remove()


@atexit.register
def _remove_all() -> None:
    for file in tuple(_FILES):
        _remove(file)


def _listening(text: str) -> Listening:
    with listening_on(text):
        return Listening(_address(text))


def _address(text: str) -> Address:
    try:
        if text.startswith(_UNIX) and text != _UNIX:
            return Address.of(UnixEndpoint(text.removeprefix(_UNIX)))
        if text.startswith(":"):
            every = Endpoint.parse(f"0.0.0.0{text}")
            return Address.of(Endpoint("", every.port))
        return Address.of(Endpoint.parse(text))
    except ValueError as error:
        raise ConfigurationError(f"direct_listen: {error}") from None
