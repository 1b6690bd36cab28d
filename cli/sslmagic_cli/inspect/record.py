"""A connection and a pair as JSON says them: the objects of `magic inspect --json`."""

from __future__ import annotations

import datetime as dt
import functools
import json
from typing import Any, Final

from sslmagic.anatomy import printable
from sslmagic.capture.connection import Connection, Timing
from sslmagic.capture.conversation import Counts
from sslmagic.capture.pairs import Hop, Pair
from sslmagic.capture.totals import Tally, Totals
from sslmagic.hello import ClientHello
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic_cli.description import described
from sslmagic_cli.inspect.document import whole

__all__ = ["VERSIONS", "body", "moment", "nanoseconds", "paired", "recorded", "summed"]

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
_DEL: Final = "\x7f", "\\u007f"
"""JSON leaves it as it is, a terminal does not."""


def body(connection: Connection) -> bytes:
    """Return the members of a connection's JSON object but ``number`` and ``pair``.

    Those two are its first and its last one, and known later than the rest; see
    `sslmagic_cli.inspect.document.whole`. Whoever reads captures has a hundred
    thousand of these: written member by member they cost half of what an object does
    that is made first.
    """
    conversation = connection.conversation
    sent, answered = conversation.sent, conversation.answered
    client, tls = connection.client, connection.tls
    said = (
        f'"capture": {_text(conversation.capture)}, '
        f'"peer": {_address(conversation.peer)}, '
        f'"listener": {_address(conversation.listener)}, '
        f'"vlans": {[*conversation.vlans]}, '
        f'"begun": {_truth(conversation.begun)}, '
        f'"opened": "{moment(conversation.opened)}", '
        f'"verdict": "{connection.verdict.value}", '
        f'"words": {_quoted(connection.words)}, '
        f'"offset": {_number(connection.offset)}, '
        f'"format": {_text(connection.format)}, '
        f'"client": {"null" if client is None else _endpoint(client)}, '
        f'"preamble": {_preamble(connection)}, '
        f'"follows": {_text(connection.follows)}, '
        f'"tls": {"null" if tls is None else _tls(tls)}, '
        f'"answer": {_text(connection.answer)}, '
        f'"seconds": {_seconds(connection.timing, conversation.opened)}, '
        f'"ended": "{conversation.ended.value}", '
        f'"ended_by": {_text(conversation.ended_by)}, '
        f'"octets": {{"peer": {sent.length}, "listener": {answered.length}}}, '
        f'"packets": {sent.packets + answered.packets}, '
        f'"retransmitted": {sent.retransmitted + answered.retransmitted}, '
        f'"reordered": {sent.reordered + answered.reordered}, '
        f'"conflicting": {connection.conflicting}'
    )
    return said.replace(*_DEL).encode("ascii")


def recorded(connection: Connection) -> dict[str, Any]:
    """Return the same with its number, read; which pair it is of is not known here."""
    record: dict[str, Any] = json.loads(
        whole(connection.conversation.number, body(connection))
    )
    return record


def paired(pair: Pair) -> bytes:
    """Return what is known of a pair, as a JSON object."""
    source = pair.back.source
    said = (
        f'{{"client": {_endpoint(pair.client)}, '
        f'"node_connection": {_address(pair.back.peer)}, '
        f'"front": {_hop(pair.front)}, "back": {_hop(pair.back)}, '
        f'"claimed": {"null" if source is None else _endpoint(source)}, '
        f'"by": {json.dumps(pair.by)}, "candidates": {pair.candidates}, '
        f'"words": {_quoted(pair.words)}}}'
    )
    return said.replace(*_DEL).encode("ascii")


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
        "rebuffed": totals.rebuffed,
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


_quoted = json.encoder.encode_basestring_ascii
"""A string of JSON."""


@functools.lru_cache(maxsize=256)
def _text(text: str | None) -> str:
    """Return one of a few strings, or null."""
    return "null" if text is None else _quoted(text)


def _number(number: float | None) -> str:
    return "null" if number is None else repr(number)


def _truth(truth: bool) -> str:  # noqa: FBT001
    return "true" if truth else "false"


def _endpoint(endpoint: Endpoint | UnixEndpoint) -> str:
    if isinstance(endpoint, UnixEndpoint):
        return json.dumps(endpoint._asdict())
    return _address(endpoint)


def _address(endpoint: Endpoint) -> str:
    # The name of a zone may be anything.
    return f'{{"host": {_quoted(endpoint.host)}, "port": {endpoint.port}}}'


def _preamble(connection: Connection) -> str:
    said, frame = connection.preamble, connection.frame
    if said is None or frame is None:
        return "null"
    preamble = described(said, frame, None)
    # What follows has a place of its own.
    del preamble["rest_length"]
    return json.dumps(preamble)


def _hop(hop: Hop) -> str:
    return (
        f'{{"number": {hop.number}, "capture": {_text(hop.capture)}, '
        f'"peer": {_address(hop.peer)}, "listener": {_address(hop.listener)}}}'
    )


def _tls(tls: ClientHello) -> str:
    name = "null" if tls.server_name is None else _quoted(tls.server_name)
    return (
        f'{{"server_name": {name}, "alpn": {_alpn(tls.alpn)}, '
        f'"versions": {_versions(tls.versions)}, '
        f'"early_data": {_truth(tls.early_data)}, "length": {tls.length}}}'
    )


@functools.lru_cache(maxsize=256)
def _alpn(names: tuple[bytes, ...]) -> str:
    return json.dumps([printable(name.decode("latin-1")) for name in names])


@functools.lru_cache(maxsize=256)
def _versions(numbers: tuple[int, ...]) -> str:
    return json.dumps([VERSIONS.get(number, f"{number:#06x}") for number in numbers])


def _seconds(timing: Timing, opened: int) -> str:
    members = [
        f'"{name}": {"null" if time is None else (time - opened) / _SECOND}'
        for name, time in (
            ("accepted", timing.accepted),
            ("preamble", timing.preamble),
            ("hello", timing.hello),
            ("answer", timing.answer),
            ("closed", timing.closed),
        )
    ]
    return f"{{{', '.join(members)}}}"


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
