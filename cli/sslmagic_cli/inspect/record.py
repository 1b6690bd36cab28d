"""A connection as JSON says it: the object of `magic inspect --json`."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from typing import Any, Final

from sslmagic.anatomy import printable
from sslmagic.capture.connection import Connection, Timing
from sslmagic.capture.conversation import Counts
from sslmagic.capture.pairs import Hop, Pair
from sslmagic.capture.totals import Tally, Totals
from sslmagic.hello import ClientHello
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic_cli.description import described

__all__ = ["VERSIONS", "moment", "nanoseconds", "paired", "recorded", "summed"]

VERSIONS: Final = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
"""The versions of TLS by their names in OpenSSL, and so in TLVs."""

_SECOND: Final = 1_000_000_000
_MOST: Final = 20
"""Names of each kind that totals list."""


def recorded(connection: Connection) -> dict[str, Any]:
    """Return what is known of a connection, in values that JSON has."""
    conversation = connection.conversation
    sent, answered = conversation.sent, conversation.answered
    said, frame = connection.preamble, connection.frame
    preamble = described(said, frame, None) if said and frame else None
    if preamble is not None:
        # What follows has a place of its own.
        del preamble["rest_length"]
    return {
        "number": conversation.number,
        "capture": conversation.capture,
        "peer": _address(conversation.peer),
        "listener": _address(conversation.listener),
        "vlans": list(conversation.vlans),
        "begun": conversation.begun,
        "opened": moment(conversation.opened),
        "verdict": str(connection.verdict),
        "words": connection.words,
        "offset": connection.offset,
        "format": connection.format,
        "client": _endpoint(connection.client),
        "preamble": preamble,
        "follows": connection.follows,
        "tls": _tls(connection.tls) if connection.tls else None,
        "answer": connection.answer,
        "seconds": _seconds(connection.timing, conversation.opened),
        "ended": str(conversation.ended),
        "ended_by": conversation.ended_by,
        "octets": {"peer": sent.length, "listener": answered.length},
        "packets": sent.packets + answered.packets,
        "retransmitted": sent.retransmitted + answered.retransmitted,
        "reordered": sent.reordered + answered.reordered,
        "conflicting": connection.conflicting,
        "pair": None,
    }


def paired(pair: Pair) -> dict[str, Any]:
    """Return what is known of a pair."""
    return {
        "client": _endpoint(pair.client),
        "node_connection": _address(pair.back.peer),
        "front": _hop(pair.front),
        "back": _hop(pair.back),
        "claimed": _endpoint(pair.back.source),
        "by": list(pair.by),
        "candidates": pair.candidates,
        "words": pair.words,
    }


def summed(
    totals: Totals, counts: Counts | None, *, pairs: int, fronts: int, unmatched: int
) -> dict[str, Any]:
    """Return the totals; of names that may be many, the commonest.

    Args:
        pairs: how many there are.
        fronts: faults that are none, because they are the front side of a pair.
        unmatched: connections that were too many to be matched.
    """
    return {
        "connections": totals.connections,
        "faults": totals.faults - fronts,
        "fronts": fronts,
        "pairs": pairs,
        "unmatched": unmatched,
        "conflicting": totals.conflicting,
        "first": None if totals.first is None else moment(totals.first),
        "last": None if totals.last is None else moment(totals.last),
        "verdicts": {str(name): n for name, n in totals.by_verdict()},
        "formats": dict(totals.formats.most_common()),
        "clients": _counted(totals.clients),
        "peers": _counted(totals.peers),
        "listeners": _counted(totals.listeners),
        "server_names": _counted(totals.server_names),
        "packets": None if counts is None else _counts(counts),
    }


def moment(time: int) -> str:
    """Return nanoseconds since 1970 as RFC 3339 writes them, in UTC."""
    seconds, rest = divmod(time, _SECOND)
    said, zone = _second(seconds)
    return f"{said}.{rest:09d}{zone}"


@functools.lru_cache(maxsize=64)
def _second(seconds: int) -> tuple[str, str]:
    """Return a second and its zone; many connections are opened in one."""
    try:
        at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        # A capture may say any time, also one that no calendar has.
        return str(seconds), ""
    # The C library writes a year before 1000 with fewer digits.
    return f"{at.year:04d}-{at:%m-%dT%H:%M:%S}", "Z"


def nanoseconds(said: str) -> int:
    """Return the time that `moment` wrote."""
    whole, _, rest = said.rstrip("Z").partition(".")
    if "T" not in whole:
        return int(whole) * _SECOND + int(rest)
    at = dt.datetime.fromisoformat(f"{whole}+00:00")
    return int(at.timestamp()) * _SECOND + int(rest)


def _endpoint(endpoint: Endpoint | UnixEndpoint | None) -> dict[str, Any] | None:
    if endpoint is None:
        return None
    if isinstance(endpoint, UnixEndpoint):
        return endpoint._asdict()
    return _address(endpoint)


def _address(endpoint: Endpoint) -> dict[str, Any]:
    # What `_asdict` returns, in a fraction of the time: there are four to a record.
    return {"host": endpoint.host, "port": endpoint.port}


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "number": hop.number,
        "capture": hop.capture,
        "peer": _address(hop.peer),
        "listener": _address(hop.listener),
    }


def _tls(tls: ClientHello) -> dict[str, Any]:
    return {
        "server_name": tls.server_name,
        "alpn": [printable(name.decode("latin-1")) for name in tls.alpn],
        "versions": [VERSIONS.get(number, f"{number:#06x}") for number in tls.versions],
        "early_data": tls.early_data,
        "length": tls.length,
    }


def _seconds(timing: Timing, opened: int) -> dict[str, float | None]:
    times: Mapping[str, int | None] = {
        "accepted": timing.accepted,
        "preamble": timing.preamble,
        "hello": timing.hello,
        "answer": timing.answer,
        "closed": timing.closed,
    }
    return {
        name: None if time is None else (time - opened) / _SECOND
        for name, time in times.items()
    }


def _counted(tally: Tally) -> list[dict[str, Any]]:
    return [{"name": name, "connections": count} for name, count in tally.most(_MOST)]


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "packets": counts.packets,
        "octets": counts.octets,
        "not_ip": counts.not_ip,
        "not_tcp": counts.not_tcp,
        "fragments": counts.fragments,
        "incomplete": counts.incomplete,
        "cut": counts.cut,
        "late": counts.late,
        "unreadable": counts.unreadable,
        "forgotten": counts.forgotten,
    }
