"""Attribution: whom a request is from, for every middleware; counted and logged.

preamble        it named the client      every header known to name one goes
a trusted peer  may name it in a header  one client, or 400
anybody else    is the client            what it says of itself goes
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from sslmagic.address import pack_host
from sslmagic.errors import ConfigurationError, SslMagicError
from sslmagic.forwarded import walk_forwarded, walk_x_forwarded_for
from sslmagic.headers import (
    Header,
    HeaderError,
    HeaderReason,
    folded,
    may_speak,
    quoted,
    received,
    without_client,
)
from sslmagic.listener.journal import Journal
from sslmagic.listener.peername import peer_of
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.trust import Trust

__all__ = [
    "BAD_REQUEST",
    "CLUSTER",
    "INTERNAL_SERVER_ERROR",
    "Attributed",
    "Attribution",
    "Counters",
    "RewrittenError",
    "attributed",
    "peer_at",
]

CLUSTER = "x-cluster-client-ip"
"""The header that is accepted where nothing else is said."""

BAD_REQUEST: Final = (400, b"the headers do not name one client\n")
"""Status and text for whoever named no client, or not one."""
INTERNAL_SERVER_ERROR: Final = (500, b"the peer of this connection is not known\n")
"""Status and text where the server's own word cannot be relied on."""

_WALKS: Final = {"x-forwarded-for": walk_x_forwarded_for, "forwarded": walk_forwarded}
_ACCEPTED: Final = (CLUSTER, *_WALKS)
_TRANSFER_ENCODING: Final = b"transfer-encoding"


class RewrittenError(SslMagicError, RuntimeError):
    """The server put another address in the peer's place; nobody can be trusted."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """Whom a request is from."""

    client: str | None
    """The literal address that a header named; None if the client stays."""
    header: str | None
    """The header that named it, in lower case; the first of several that agree."""
    headers: tuple[Header, ...]
    """The request's, without what may not be believed."""
    removed: bool
    """Whether something was removed that its sender had no right to say."""


def attributed(
    headers: Iterable[Header],
    *,
    peer: Endpoint | UnixEndpoint | None,
    trust: Trust,
    preamble: bool,
    accept: Iterable[str] = (CLUSTER,),
) -> Attributed:
    """Return whom a request is from.

    Args:
        headers: the request's, each line by itself.
        peer: the other end of the TCP connection, never the client of a preamble; None
            where nobody knows it.
        trust: who may speak for a client.
        preamble: whether the connection had one.
        accept: the names in lower case of the headers that may name a client.

    Raises:
        HeaderError: a peer that may speak for clients named no single address, or one
            that is not believed. Answer 400.
    """
    lines = tuple(headers)
    # Nobody was asked for it, so that whoever says it speaks for himself.
    wanted = lines if preamble or CLUSTER in accept else without_client(lines)
    said = received(wanted, peer=peer, trust=trust, preamble=preamble)
    kept, removed = said.headers, len(said.headers) < len(lines)
    named = {} if said.client is None else {CLUSTER: said.client}
    for name, walk in _WALKS.items():
        if name not in accept:
            continue
        own = [line for line in kept if folded(line[0]) == name.encode()]
        if not own:
            continue
        if peer is None or not may_speak(peer, trust):
            kept, removed = _without(kept, name), True
            continue
        _check_names(own, name)
        _check_lines(own, name, lines)
        walked = walk([value for _, value in own], peer=peer, trust=trust)
        named[name] = walked.client
        kept = _replaced(kept, own, walked.values)
    if len(set(named.values())) > 1:
        raise HeaderError(
            "; ".join(f"{name} names {client}" for name, client in named.items()),
            HeaderReason.CONFLICT,
        )
    header, client = next(iter(named.items()), (None, None))
    return Attributed(client=client, header=header, headers=kept, removed=removed)


class Counters:
    """What became of requests."""

    __slots__ = ("_refused", "named", "removed", "rewritten", "unnamed")

    def __init__(self) -> None:
        self.named = 0
        """Requests whose client a header named."""
        self.unnamed = 0
        """Requests whose client is the peer, or the one that a preamble named."""
        self.removed = 0
        """Requests that lost a header which their sender had no right to."""
        self.rewritten = 0
        """Requests answered 500: the server had another address for its peer."""
        self._refused = dict.fromkeys(HeaderReason, 0)

    @property
    def refused(self) -> Mapping[HeaderReason, int]:
        """Requests answered 400, by reason; every reason is a key."""
        return self._refused

    def count(self, outcome: Attributed | HeaderReason | RewrittenError) -> None:
        """Count one request. For one writer at a time."""
        if isinstance(outcome, HeaderReason):
            self._refused[outcome] += 1
        elif isinstance(outcome, RewrittenError):
            self.rewritten += 1
        else:
            self.named += outcome.client is not None
            self.unnamed += outcome.client is None
            self.removed += outcome.removed

    def snapshot(self) -> dict[str, int]:
        """Return the counts by name, reasons that never happened left out."""
        refused = {f"refused_{r}": n for r, n in self._refused.items() if n}
        return {
            "named": self.named,
            "unnamed": self.unnamed,
            "removed": self.removed,
            "rewritten": self.rewritten,
            **refused,
        }


class Attribution:
    """Decides for one middleware. Safe from several threads.

    Args:
        trust: who may speak for a client.
        accept: the headers that may name one, in any case.
        clock: seconds, for the log's pace.

    Raises:
        ConfigurationError: *accept* is empty, or no such header is known.
    """

    def __init__(
        self,
        trust: Trust,
        accept: Iterable[str] = (CLUSTER,),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trust = trust
        self.accept = _checked(accept)
        self.counters = Counters()
        self._clock = clock
        self._journal = Journal()
        self._turn = threading.Lock()

    def decide(
        self,
        headers: Iterable[Header],
        *,
        peer: Endpoint | UnixEndpoint | None,
        preamble: bool,
    ) -> Attributed:
        """Return whom a request is from.

        Raises:
            HeaderError: answer 400. It is counted, and the log has it.
        """
        try:
            outcome = attributed(
                headers,
                peer=peer,
                trust=self.trust,
                preamble=preamble,
                accept=self.accept,
            )
        except HeaderError as error:
            with self._turn:
                self.counters.count(error.reason)
                self._journal.request(peer, error.reason, str(error), self._clock())
            raise
        with self._turn:
            self.counters.count(outcome)
        return outcome

    def rewritten(self, error: RewrittenError) -> None:
        """Count and log that a request has to be answered 500."""
        with self._turn:
            self.counters.count(error)
            self._journal.trouble(str(error), self._clock())


def peer_at(host: str, port: int) -> Endpoint | UnixEndpoint | None:
    """Return the peer that a server calls by this address; None if it is no address.

    Without a host it is on a UNIX socket.
    """
    if not host:
        return UnixEndpoint()
    try:
        pack_host(host.partition("%")[0])
    except ValueError:
        return None
    return peer_of((host, port))


def _checked(accept: Iterable[str]) -> tuple[str, ...]:
    if isinstance(accept, str):
        raise ConfigurationError(f"accept={accept!r}: give a list of headers")
    names = tuple(name.lower() for name in accept)
    if not names:
        raise ConfigurationError("accept is empty: no header could name a client")
    for name in names:
        if name not in _ACCEPTED:
            raise ConfigurationError(
                f"accept: {name!r} is none of {', '.join(_ACCEPTED)}"
            )
    return names


def _check_names(own: list[Header], name: str) -> None:
    for said, _ in own:
        if said.lower() != name.encode():
            raise HeaderError(
                f"the header {quoted(said)} is not {name}", HeaderReason.ALIAS
            )


def _check_lines(own: list[Header], name: str, lines: Iterable[Header]) -> None:
    """Raise unless a proxy has written the last line of *own*.

    uvicorn with httptools puts trailers that come with the head among its headers, and
    proxies pass on a client's: its line would be the nearest proxy's.
    """
    if len(own) > 1 and any(said.lower() == _TRANSFER_ENCODING for said, _ in lines):
        raise HeaderError(
            f"{len(own)} lines of {name} in a request with Transfer-Encoding, of which"
            " the last may be a trailer",
            HeaderReason.SEVERAL,
        )


def _without(lines: tuple[Header, ...], name: str) -> tuple[Header, ...]:
    return tuple(line for line in lines if folded(line[0]) != name.encode())


def _replaced(
    lines: tuple[Header, ...], own: list[Header], values: tuple[bytes, ...]
) -> tuple[Header, ...]:
    """Return *lines* with *values* in the last of *own*, and without the rest of it."""
    name = folded(own[0][0])
    left = iter((None,) * (len(own) - len(values)) + values)
    changed: list[Header] = []
    for line in lines:
        if folded(line[0]) != name:
            changed.append(line)
        elif (value := next(left)) is not None:
            changed.append((line[0], value))
    return tuple(changed)
