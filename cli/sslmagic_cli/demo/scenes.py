"""What the demonstration does, and what must be so each time.

A scene does something for real, keeps what was seen, and claims something about it.
Nothing here draws; `picture` does.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import logging
from collections.abc import Callable, Generator, Sequence
from typing import Any

from sslmagic import DecodeError, Endpoint, Preamble, decode, encode
from sslmagic.errors import Reason
from sslmagic.hello import starts_client_hello
from sslmagic.wire import FORMATS
from sslmagic_cli.demo.authority import NAME
from sslmagic_cli.demo.backend import GATEWAY
from sslmagic_cli.demo.client import (
    PATIENCE,
    SPOOFER,
    Visit,
    attempt,
    client_hello,
    exchange,
    others,
    visit,
)
from sslmagic_cli.demo.stage import Stage

__all__ = [
    "VICTIM",
    "Attempt",
    "Claim",
    "Clear",
    "Formats",
    "Passthrough",
    "Spoofing",
    "clear",
    "enhanced",
    "formats",
    "plain",
    "spoofing",
]

VICTIM = Endpoint("203.0.113.7", 51234)
"""Whom the spoofer says that he is."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that the demonstration says, and whether it is so."""

    said: str
    holds: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Passthrough:
    """TLS clients came through a gateway."""

    visits: list[Visit]
    octets: bytes
    """What passed first between gateway and backend, in the first of the visits."""
    claims: list[Claim]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """One client came once in each format."""

    rows: Sequence[tuple[str, bytes, Visit]]
    """Format, its octets on the wire, and what the backend saw."""
    claims: list[Claim]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Somebody tried to be somebody else."""

    source: str
    tries: str
    gets: str
    claim: Claim


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spoofing:
    """All attempts, and what the backend says of them."""

    attempts: list[Attempt]
    log: list[str]
    """The lines that the library logged."""
    claims: list[Claim]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """Requests in clear: as they were sent, and as they arrived."""

    sent: list[str]
    arrived: list[list[str]]
    """The lines of each request's headers."""
    client: Endpoint
    claims: list[Claim]


def plain(stage: Stage) -> Passthrough:
    """Pass TLS through as every load balancer can."""
    came = visit(stage.gateways["none"].address, stage.authority)
    seen = came.seen is not None and came.seen.host == GATEWAY
    claim = Claim(
        said="the backend sees the gateway, and nothing of the client",
        holds=seen and not came.is_seen,
    )
    return Passthrough(visits=[came], octets=b"", claims=[claim])


def enhanced(stage: Stage) -> Passthrough:
    """Pass the same TLS through with a preamble in front."""
    address = stage.gateways["magic"].address
    before = len(stage.wire.connections)
    visits = [visit(address, stage.authority), *others(address, stage.authority)]
    octets = b"".join(stage.wire.connections[before : before + 1])
    preamble, rest = _decoded(octets, "magic")
    passed = len(stage.wire.connections) - before
    return Passthrough(
        visits=visits,
        octets=octets,
        claims=[
            Claim(
                said="the backend sees each client, which verified its certificate",
                holds=all(one.is_seen and one.version for one in visits),
            ),
            Claim(
                said="the preamble names the client and where it connected to",
                holds=preamble is not None
                and preamble.source == visits[0].local
                and preamble.destination == address,
            ),
            Claim(
                said="the client's own TLS follows it, one connection for one client",
                holds=starts_client_hello(rest) is True and passed == len(visits),
            ),
        ],
    )


def formats(stage: Stage) -> Formats:
    """Say the same in each format."""
    rows: list[tuple[str, bytes, Visit]] = []
    for format in FORMATS:
        came = visit(stage.gateways[format].address, stage.authority)
        octets = stage.wire.connections[-1]
        _, rest = _decoded(octets, format)
        rows.append((format, octets[: len(octets) - len(rest)], came))
    claim = Claim(
        said="each format brings the same client",
        holds=all(came.is_seen for _, _, came in rows),
    )
    return Formats(rows=rows, claims=[claim])


def spoofing(stage: Stage) -> Spoofing:
    """Try to be somebody else, in each place where one can stand."""
    hello = client_hello(stage.authority)
    backend, gateway = stage.backend.address, stage.gateways["magic"].address
    forged = encode(Preamble(source=VICTIM, destination=gateway), "magic")
    counted = collections.Counter(stage.backend.counters.refused)
    with _logged() as log:
        attempts = [
            _attempt(
                "to the backend: a flawless preamble",
                "a peer that is not trusted gets nothing",
                lambda: attempt(
                    backend, forged + hello, source=SPOOFER, patience=PATIENCE
                ),
            ),
            _attempt(
                "to the backend: TLS, no preamble",
                "where a preamble is required none is guessed",
                lambda: attempt(backend, hello, source=GATEWAY, patience=PATIENCE),
                source=GATEWAY,
            ),
            # Its honest client comes after all, so that all have been counted.
            _attempt(
                "to the gateway: a preamble, then TLS",
                "the gateway passes on no preamble but its own",
                lambda: _unheard(stage, gateway, forged + hello),
            ),
        ]
    counted = collections.Counter(stage.backend.counters.refused) - counted
    right = {Reason.PEER: 1, Reason.FORMAT: 1}
    claim = Claim(said="the backend counts each by its reason", holds=counted == right)
    claims = [*(one.claim for one in attempts), claim]
    return Spoofing(attempts=attempts, log=log, claims=claims)


def clear(stage: Stage) -> Clear:
    """Ask in clear, naming a victim in every spelling, twice on one connection."""
    sent = [
        "GET / HTTP/1.1",
        f"Host: {NAME}",
        f"X-Cluster-Client-Ip: {VICTIM.host}",
        f"x_cluster_client_ip: {VICTIM.host}",
        "Connection: X-Cluster-Client-Ip",
    ]
    request = "".join(f"{line}\r\n" for line in [*sent, ""]).encode()
    client, bodies = exchange(stage.gateways["http"].address, [request, request])
    answers = [_answered(body) for body in bodies]
    arrived = [
        [f"{name}: {value}" for name, value in answer["headers"]] for answer in answers
    ]
    named = [
        [line.partition(": ")[2] for line in lines if _names_client(line)]
        for lines in arrived
    ]
    return Clear(
        sent=sent,
        arrived=arrived,
        client=client,
        claims=[
            Claim(
                said="every request names the client once, whatever it said itself",
                holds=named == [[client.host]] * 2,
            ),
            Claim(
                said="and the library takes it from the gateway",
                holds=[answer["client"] for answer in answers] == [client.host] * 2,
            ),
        ],
    )


def _decoded(octets: bytes, format: str) -> tuple[Preamble | None, bytes]:
    try:
        return decode(octets, format)
    except DecodeError:
        return None, b""


def _answered(body: bytes) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(body)
    except ValueError:
        # The backend refused the request, and says so in HTML.
        return {"client": None, "headers": []}
    return answer


def _names_client(line: str) -> bool:
    name = line.partition(":")[0].lower().replace("_", "-")
    return name == "x-cluster-client-ip"


def _attempt(
    tries: str, said: str, act: Callable[[], int | None], *, source: str = SPOOFER
) -> Attempt:
    received = act()
    gets = "an open connection" if received is None else f"closed, {received} octets"
    claim = Claim(said=said, holds=received == 0)
    return Attempt(source=source, tries=tries, gets=gets, claim=claim)


class _Collector(logging.Handler):
    """Keeps the words of each line."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@contextlib.contextmanager
def _logged() -> Generator[list[str]]:
    """Collect what the library logs, which would be drawn over otherwise."""
    lines: list[str] = []
    handler = _Collector(lines)
    library = logging.getLogger("sslmagic")
    propagate, library.propagate = library.propagate, False
    library.addHandler(handler)
    try:
        yield lines
    finally:
        library.removeHandler(handler)
        library.propagate = propagate


def _unheard(stage: Stage, gateway: Endpoint, octets: bytes) -> int | None:
    """Attempt it; what gets past the gateway counts as an answer."""
    before = len(stage.wire.connections)
    received = attempt(gateway, octets, source=SPOOFER, patience=PATIENCE)
    # Whatever had passed would be on the wire before the next, honest client is.
    honest = visit(gateway, stage.authority)
    passed = stage.wire.connections[before:]
    if received is None or len(passed) != 1 or not honest.is_seen:
        return None
    return received
