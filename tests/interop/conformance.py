"""Every vector of both PROXY protocols, put to each receiver with TLS behind it.

`python -m tests.interop.conformance` writes what was measured to docs/conformance.md.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import ipaddress
import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sslmagic.anatomy import printable
from sslmagic.wire import signature
from tests.interop.authority import Authority
from tests.interop.backends import BACKENDS, serve
from tests.interop.client import RefusedError, ask
from tests.interop.peers import Address, version
from tests.interop.receivers import RECEIVERS

__all__ = [
    "JUDGED",
    "OURS",
    "PAGE",
    "REFUSED",
    "Vector",
    "measure",
    "page",
    "running",
    "vectors",
]

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "conformance.md"

OURS = "sslmagic"
JUDGED = {
    receiver.needs[-1]: receiver for receiver in RECEIVERS if not receiver.passes_on
}
"""Receivers that answer by themselves."""

TITLES = {"haproxy": "HAProxy"}

PATIENCE = 1.0
"""Seconds after which a receiver that says nothing counts as waiting for more."""

REFUSED, WAITS, NOBODY = "refused", "waits", "nobody"


VERDICTS = {
    "taken": "valid, taken with the right client",
    "turned away": "valid, turned away",
    "misread": "valid, taken with another client or none",
    REFUSED: "not valid, refused",
    WAITS: "not valid, waits for more until its deadline",
    "accepted": "not valid, accepted",
}
WRONG = {"turned away", "misread", "accepted"}

HEAD = """\
# Conformance, measured

Written by `python -m tests.interop.conformance`, from the vectors of PROXY protocol v1
and v2 in `tests/vectors/`: {count}, of which {valid} are valid and {invalid} are not.
Each is sent to a TLS listener that requires a preamble, in one segment with an ordinary
ClientHello; *taken* means that the TLS handshake completed with a verified certificate
and the application answered with the client's address.

A vector is valid if `spec.md` says so, which is stricter than proxy-protocol.txt where
that leaves a choice, about source addresses that no client can have for instance. So a
difference is not always somebody's fault; it always is something that one end of a
connection may send and the other will not read the same way.
"""
DIFFERENCES = """
## Where they differ

An empty cell is right. `nobody` is a connection without a client's address.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One input and what a receiver should make of it."""

    id: str
    format: str
    rule: str
    comment: str
    wire: bytes
    expected: str
    """`refused`, `nobody` where no client is named, or the client's address."""


def vectors() -> list[Vector]:
    """The vectors of PROXY v1 and v2 that a stream can be judged by.

    Left out are streams that end inside the preamble, since a ClientHello follows
    here; limits other than the default, which peers cannot be told; datagram and UNIX
    addresses, which are valid and have no place on a TCP listener; and a preamble of
    the other version, because the peers cannot be told to take but one.
    """
    chosen: list[Vector] = []
    for name in ("proxy1", "proxy2", "tlv"):
        path = PROJECT / "tests" / "vectors" / f"{name}.json"
        for test in json.loads(path.read_text())["tests"]:
            decoded = test.get("decoded")
            if test["format"] == "magic" or "limit" in test:
                continue
            wire = bytes.fromhex(test["wire"])
            if test["result"] == "truncated":
                continue
            if signature(wire) not in {None, test["format"]}:
                continue
            if decoded and decoded["transport"] not in {"TCP4", "TCP6", "UNKNOWN"}:
                continue
            chosen.append(
                Vector(
                    id=test["id"],
                    format=test["format"],
                    rule=test["rule"],
                    comment=test["comment"],
                    wire=wire,
                    expected=_expected(decoded),
                )
            )
    return chosen


@contextlib.contextmanager
def running(
    directory: Path,
) -> Iterator[tuple[Authority, dict[str, dict[str, Address]]]]:
    """Runs every receiver that is installed: its address by name and format."""
    authority = Authority.create(directory / "authority")
    host, tls = "127.0.0.1", authority.server()
    with contextlib.ExitStack() as stack:
        addresses = {
            OURS: {
                format: stack.enter_context(
                    serve(BACKENDS[0], host, formats=format, tls=tls)
                )
                for format in ("proxy1", "proxy2")
            }
        }
        for name, receiver in JUDGED.items():
            if receiver.is_here:
                address = stack.enter_context(
                    receiver.on(host, directory=directory, authority=authority)
                )
                addresses[name] = {"proxy1": address, "proxy2": address}
        yield authority, addresses


def measure(
    authority: Authority, addresses: Mapping[str, Address], wanted: list[Vector]
) -> list[str]:
    """What one receiver makes of each vector, in the words of `Vector.expected`."""
    context = authority.client()

    def one(vector: Vector) -> str:
        try:
            answer = ask(
                addresses[vector.format],
                context,
                before=vector.wire,
                patience=PATIENCE,
            )
        except RefusedError:
            return REFUSED
        except TimeoutError:
            return WAITS
        if fault := answer.body.get("fault"):
            return str(fault)
        client = answer.body["client"]
        if not client or not client[0] or _same(client, answer.local):
            return NOBODY
        return _plain(client[0], client[1])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, wanted))


def page(columns: Mapping[str, list[str]], judged: list[Vector]) -> str:
    """What was measured, for people."""
    verdicts = {
        name: [
            _verdict(outcome, vector.expected)
            for outcome, vector in zip(outcomes, judged, strict=True)
        ]
        for name, outcomes in columns.items()
    }
    titles = [
        name if name == OURS else f"{TITLES.get(name, name)} {version(name)}"
        for name in columns
    ]
    counts = {name: collections.Counter(column) for name, column in verdicts.items()}
    valid = sum(vector.expected != REFUSED for vector in judged)
    differ: dict[tuple[str, ...], list[str]] = {}
    for i, vector in enumerate(judged):
        if any(column[i] in WRONG for column in verdicts.values()):
            outcomes = [columns[name][i] for name in columns]
            cells = _shown(vector.expected, outcomes)
            alike = (
                vector.format,
                vector.rule,
                vector.comment,
                vector.expected,
                *cells,
            )
            differ.setdefault(alike, []).append(vector.id)
    lines = [
        HEAD.format(count=len(judged), valid=valid, invalid=len(judged) - valid),
        _row("", *titles),
        _row("---", *("---:" for _ in titles)),
        *(
            _row(meaning, *(str(counts[name][verdict]) for name in columns))
            for verdict, meaning in VERDICTS.items()
        ),
        DIFFERENCES,
        _row("format", "vector", "rule", "what it is", "right is", *titles),
        _row(*("---" for _ in range(5 + len(titles)))),
        *(_row(alike[0], _named(ids), *alike[1:]) for alike, ids in differ.items()),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measures every receiver and writes the page."""
    judged = vectors()
    # Every refusal is in the table.
    logging.getLogger("sslmagic").addHandler(logging.NullHandler())
    with (
        tempfile.TemporaryDirectory() as directory,
        running(Path(directory)) as (authority, receivers),
    ):
        columns = {
            name: measure(authority, addresses, judged)
            for name, addresses in receivers.items()
        }
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(columns, judged))
    return 0


def _expected(decoded: Mapping[str, object] | None) -> str:
    if decoded is None:
        return REFUSED
    source = decoded["source"]
    if not isinstance(source, dict):
        return NOBODY
    return _plain(source["host"], source["port"])


def _plain(host: str, port: int | str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # nginx repeats the text of a v1 line as it came.
        return f"{printable(host)} port {port}"
    mapped = getattr(address, "ipv4_mapped", None)
    return f"{mapped or address} port {port}"


def _same(client: list[object], local: Address) -> bool:
    return client[0] == local[0] and str(client[1]) == str(local[1])


def _verdict(outcome: str, expected: str) -> str:
    if expected == REFUSED:
        return outcome if outcome in {REFUSED, WAITS} else "accepted"
    if outcome == expected:
        return "taken"
    return "turned away" if outcome in {REFUSED, WAITS} else "misread"


def _shown(expected: str, outcomes: list[str]) -> list[str]:
    """A cell for each receiver, empty where it does what is right."""
    return [
        "" if _verdict(outcome, expected) not in WRONG else outcome
        for outcome in outcomes
    ]


def _named(ids: list[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} … {ids[-1]} ({len(ids)})"


def _row(*cells: str) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


if __name__ == "__main__":
    sys.exit(main())
