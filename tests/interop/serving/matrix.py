"""The trust matrix: every kind of peer does everything, to every server.

`python -m tests.interop.serving.matrix` measures it and writes docs/trust.md.
"""

from __future__ import annotations

import dataclasses
import itertools
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sslmagic import Preamble, UnixEndpoint, encode
from tests.interop.authority import Authority
from tests.interop.client import Answer, Client, Plain, RefusedError
from tests.interop.peers import Address
from tests.interop.serving.claims import CLAIMS
from tests.interop.serving.overflow import RIGHT, Overflow, overflow
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant, serving
from tests.interop.serving.variants import VARIANTS

__all__ = [
    "PAGE",
    "Cell",
    "Measured",
    "Setting",
    "expected",
    "measure",
    "page",
    "settings",
]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "trust.md"

DEADLINE = 1.5
"""Seconds that the servers give a preamble here."""
PATIENCE = 15.0
"""Seconds after which nothing is awaited any more."""
EARLY = 0.2
"""Seconds before the deadline at which a connection must still be there."""
LATE = 3.0
"""Seconds after the deadline at which none may be: a busy machine's, with a hundred
connections at a time. How punctual a listener is, the crowd of silent ones measures."""

CLAIMED = ("203.0.113.9", 51234)
DESTINATION = ("198.51.100.2", 443)

PEERS = {
    "trusted": "127.0.0.9",
    "direct": "127.0.0.10",
    "other": "127.0.0.11",
    "unix": None,
}
"""The peers, and where they connect from: `unix` is trusted, on a UNIX socket."""

CLIENT, PEER, NOBODY, OWN, REFUSED = "client", "peer", "nobody", "own", "refused"
WORDS = {
    CLIENT: "served; the client is who the preamble says",
    PEER: "served; the client is the peer itself",
    NOBODY: "served; nobody is the client",
    OWN: "the octets are left to the server, whose own protocol they are not",
    REFUSED: "ended without an octet",
}

FORGED = "".join(f"{name}: {value}\r\n" for name, value in CLAIMS).encode()
REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n%b\r\n"

Cell = tuple[str, str]
"""A peer and a case."""


def _claim(source: tuple[str, int] | UnixEndpoint = CLAIMED) -> bytes:
    if isinstance(source, UnixEndpoint):
        unix = UnixEndpoint("/run/server")
        return encode(Preamble(source=source, destination=unix), "magic")
    return encode(Preamble(source=source, destination=DESTINATION), "magic")


def _multicast() -> bytes:
    plain = _claim()
    # No sender of ours writes it: 203.0.113.9 becomes 224.0.113.9.
    return plain[:12] + b"\xe0\x00" + plain[14:]


_RIGHT = _claim()
_HEAD = _RIGHT[:3]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that a peer does."""

    before: Callable[[str], bytes] = lambda peer: _RIGHT
    """What it sends in front of its own protocol."""
    ends: bool = False
    """Whether it ends its stream after that."""
    silent: bool = False
    """Whether it sends nothing before the deadline."""
    slow: bool = False
    """Whether it sends an octet a second until the deadline."""
    fields: bytes = b""
    """Header fields of its request."""


CASES: Mapping[str, Case] = {
    "right preamble": Case(),
    "none": Case(before=lambda peer: b""),
    "wrong format": Case(
        before=lambda peer: encode(
            Preamble(source=CLAIMED, destination=DESTINATION), "proxy2"
        )
    ),
    "truncated": Case(before=lambda peer: _RIGHT[:-3], ends=True),
    "oversize": Case(before=lambda peer: _HEAD + b"\xff\xf0MAGI\x11\x11\0"),
    # A UNIX source is believed of UNIX peers only, and multicast of nobody.
    "spoofed": Case(
        before=lambda peer: (
            _multicast() if peer == "unix" else _claim(UnixEndpoint("/run/admin"))
        )
    ),
    "LOCAL": Case(before=lambda peer: encode(Preamble.local(), "magic")),
    "silent": Case(silent=True),
    "one octet a second": Case(slow=True),
    "forged header": Case(fields=FORGED),
}

EXPECTED: Mapping[Cell, str] = {
    ("trusted", "right preamble"): CLIENT,
    ("trusted", "LOCAL"): NOBODY,
    ("trusted", "forged header"): CLIENT,
    ("unix", "right preamble"): CLIENT,
    ("unix", "LOCAL"): NOBODY,
    ("unix", "forged header"): CLIENT,
    **{("direct", case): OWN for case in CASES},
    ("direct", "none"): PEER,
    # Nobody waits for a preamble of theirs, so they may take their time.
    ("direct", "silent"): PEER,
    ("direct", "one octet a second"): PEER,
    ("direct", "forged header"): PEER,
}
"""What must come of each cell; `REFUSED` where nothing stands."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One server, with TLS or in clear, on TCP or on a UNIX socket."""

    variant: Variant
    tls: bool
    unix: bool

    def __str__(self) -> str:
        tls = "TLS" if self.tls else "clear"
        return f"{self.variant.name}-{tls}-{'unix' if self.unix else 'tcp'}"

    def cells(self) -> Iterator[Cell]:
        for peer, case in itertools.product(PEERS, CASES):
            # Only HTTP has headers.
            possible = self.variant.http or not CASES[case].fields
            if possible and (peer == "unix") is self.unix:
                yield peer, case

    def measure(self, authority: Authority, directory: Path) -> dict[Cell, str]:
        """Runs the server, and has every peer do everything at the same time."""
        uds = str(directory / f"{self}.sock") if self.unix else None
        place = Place(
            uds=uds,
            peers=("127.0.0.9", "unix"),
            direct=("127.0.0.10",),
            deadline=DEADLINE,
        )
        tls = authority if self.tls else None
        cells = tuple(self.cells())
        with (
            serving(self.variant, place, directory=directory, authority=tls) as server,
            ThreadPoolExecutor(len(cells)) as pool,
        ):
            context = authority.client() if self.tls else None
            tries = {
                cell: pool.submit(
                    _outcome, self.variant, server.address, context, *cell
                )
                for cell in cells
            }
            outcomes = {cell: each.result() for cell, each in tries.items()}
            with _client(
                server.address, context, "unix" if self.unix else "trusted"
            ) as one:
                request = self.variant.request or REQUEST % b""
                (counted,) = _ask(one, _RIGHT, request, ends=False).body["counters"]
        # What the server's own protocol refuses was not refused by the listener.
        for name, peer in {"direct": "direct", "refused_peer": "other"}.items():
            assert counted.get(name, 0) == sum(one == peer for one, _ in cells), counted
        return outcomes


def settings() -> tuple[Setting, ...]:
    """Every setting there is."""
    return tuple(
        Setting(variant=variant, tls=tls, unix=unix)
        for variant, tls, unix in itertools.product(
            VARIANTS, (True, False), (False, True)
        )
        if (variant.tls or not tls) and (variant.unix or not unix)
    )


def _outcome(
    variant: Variant,
    address: Address | Path,
    context: ssl.SSLContext | None,
    peer: str,
    name: str,
) -> str:
    case = CASES[name]
    request = variant.request or REQUEST % case.fields
    with _client(address, context, peer) as client:
        try:
            if peer == "direct":
                return _judged(_direct(client, case, request))
            if case.silent or case.slow:
                return _waited(client, peer, case)
            return _judged(_ask(client, case.before(peer), request, ends=case.ends))
        except RefusedError as error:
            return OWN if error.received or peer == "direct" else REFUSED


def _client(
    address: Address | Path, context: ssl.SSLContext | None, peer: str
) -> Plain:
    if context is None:
        return Plain(address, source=PEERS[peer], patience=PATIENCE)
    return Client(address, context, source=PEERS[peer], patience=PATIENCE)


def _direct(client: Plain, case: Case, request: bytes) -> Answer:
    if case.silent or case.slow:
        client.until_ended(seconds=DEADLINE + EARLY)
    own = case.silent or case.slow or case.fields
    before = b"" if own else case.before("direct")
    return _ask(client, before, request, ends=case.ends)


def _waited(client: Plain, peer: str, case: Case) -> str:
    octets = _RIGHT if case.slow else b""
    lasted = client.until_ended(octets, seconds=PATIENCE)
    least = 0.0 if peer == "other" else DEADLINE - EARLY
    if not least <= lasted < DEADLINE + LATE:
        return f"ended after {lasted:.1f} s"
    return REFUSED


def _ask(client: Plain, before: bytes, request: bytes, *, ends: bool) -> Answer:
    if ends:
        client.begin(before=before)
        client.end()
        if client.until_ended(seconds=PATIENCE) >= PATIENCE:
            raise TimeoutError("the server never ended the connection")
        raise RefusedError(b"")
    if isinstance(client, Client):
        client.begin(before=before)
        client.shake()
        return client.answer(request)
    client.begin(before=before + request)
    return client.answer()


def _judged(answer: Answer) -> str:
    body = answer.body
    if body["peer"] != answer.said_local:
        return f"the peer is {body['peer']}, not {answer.said_local}"
    if not body["preamble"]:
        named = body["client"] or ["", 0]
        return PEER if named == list(answer.local) else f"{named}?"
    if body["claims"]:
        return f"headers went through: {body['claims']}"
    if not body["client"] or not body["client"][0]:
        return NOBODY
    return CLIENT if body["client"] == list(CLAIMED) else f"{body['client']}?"


def expected(cell: Cell) -> str:
    """What must come of a cell."""
    return EXPECTED.get(cell, REFUSED)


def page(measured: Measured, *, patience: float | None = None) -> str:
    """The document, once all is measured.

    Args:
        patience: seconds for each that is not yet.
    """
    results = {
        setting: each.result(patience) for setting, each in measured.settings.items()
    }
    lines = [_INTRODUCTION]
    for peer, source in PEERS.items():
        where = "a UNIX socket, trusted" if source is None else source
        lines += [f"## {peer}", "", f"Connects from {where}.", ""]
        lines.append("| server | " + " | ".join(CASES) + " |")
        lines.append("| --- |" + " --- |" * len(CASES))
        must = [expected((peer, case)) for case in CASES]
        lines.append("| **must be** | " + " | ".join(must) + " |")
        for setting, cells in results.items():
            if setting.unix is not (peer == "unix"):
                continue
            tls = "TLS" if setting.tls else "clear"
            row = [cells.get((peer, case), "no headers") for case in CASES]
            lines.append(f"| {setting.variant.name}, {tls} | " + " | ".join(row) + " |")
        lines.append("")
    lines += [_TOO_MANY, _row("**must be**", RIGHT)]
    for variant, each in measured.overflows.items():
        lines.append(_row(variant, each.result(patience)))
    return "\n".join([*lines, ""])


def _row(name: str, one: Overflow) -> str:
    counted = one.counters.get("refused_waiting", 0)
    return f"| {name} | {one.first} | {one.second} | {counted} |"


_INTRODUCTION = (
    f"""# Who is believed

Every server of `sslmagic.servers`, with TLS of its own and in clear, is put to every
kind of peer doing everything. `python -m tests.interop.serving.matrix` measures it and
writes this page; the tests measure it again and hold the page to it. The deadline is
{DEADLINE} s here, the listener's trust is
`Trust(peers=["127.0.0.9", "unix"], direct=["127.0.0.10"])`.

| word | means |
| --- | --- |
"""
    + "".join(f"| {word} | {meaning} |\n" for word, meaning in WORDS.items())
    + """
The cases: the *right preamble*; *none*, the server's own protocol at once; a PROXY v2
header where MAGIC is required (*wrong format*); a preamble that the end of the stream
cuts off (*truncated*); one that claims 65 525 octets (*oversize*); a source that this
peer may not claim, a UNIX path over TCP or a multicast address (*spoofed*); LOCAL,
which names nobody; *silent*, not an octet until the deadline has passed; *one octet a
second*, the right preamble and too slow; and *forged header*, the right preamble, and
inside TLS a request that names another client in every header of
[this list](servers.md#headers-on-a-connection-that-had-a-preamble), of which the
application must see none. A direct peer sends the silent, slow and forged requests
without a preamble, the first two after the deadline.
"""
)


_TOO_MANY = """## too many

At each server one connection may wait for its preamble here (`waiting=1`), with TLS if
it has any. Two trusted peers connect and say nothing. The first one is ended when the
second one comes, long before its deadline; the second one sends the right preamble
then. `refused_waiting` is what the listener has counted.

| server | first | second | `refused_waiting` |
| --- | --- | --- | --- |"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known once it is measured."""

    settings: Mapping[Setting, Future[dict[Cell, str]]]
    overflows: Mapping[str, Future[Overflow]]
    """By the variant's name."""


def measure(authority: Authority, directory: Path) -> Measured:
    """Start measuring every setting and every variant, a few at a time."""
    pool = ThreadPoolExecutor(_AT_A_TIME)
    return Measured(
        settings={
            each: pool.submit(each.measure, authority, directory) for each in settings()
        },
        overflows={
            variant.name: pool.submit(overflow, variant, authority, directory)
            for variant in VARIANTS
        },
    )


_AT_A_TIME = 4
"""Servers: most of a measurement is waiting for the deadline."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        measured = measure(Authority.create(directory / "authority"), directory)
        PAGE.write_text(page(measured))
    wrong = [
        f"{setting}: {cell}: {outcome}, not {expected(cell)}\n"
        for setting, cells in measured.settings.items()
        for cell, outcome in cells.result().items()
        if outcome != expected(cell)
    ]
    wrong += [
        f"{variant}: {each.result()}, not {RIGHT}\n"
        for variant, each in measured.overflows.items()
        if each.result() != RIGHT
    ]
    sys.stderr.writelines(wrong)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
