"""Runs the codecs in interleaved rounds and makes their tables."""

from __future__ import annotations

import itertools
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.codec import go_peer, ours, python_peers
from benchmarks.codec.cases import CASES, Case
from benchmarks.programs import version
from benchmarks.rounds import Samples, interleaved, ratio
from benchmarks.tables import Table, rounded

__all__ = ["tables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    name: str
    title: str
    notes: Sequence[str]


_OPERATIONS = (
    _Operation(
        name="decode",
        title="Decode: octets of one whole preamble to a value",
        notes=(
            "sslmagic: decode(octets, format) -> Preamble with both addresses packed,"
            " every rule of the format checked",
            "go-proxyproto: Read(bufio.Reader) -> Header with two net.TCPAddr (packed),"
            " TLVs not looked at",
            "proxy-protocol: unpack(octets) -> two ipaddress values, TLVs split",
            "twisted: V1Parser/V2Parser.parse(octets) -> two addresses as text, TLVs"
            " not looked at",
        ),
    ),
    _Operation(
        name="decode-text",
        title="Decode, and both endpoints read as text",
        notes=(
            "sslmagic: decode, then .source and .destination; go-proxyproto: Read, then"
            " String() of both; proxy-protocol: unpack, then str() of both;"
            " twisted: as above, its addresses are text",
        ),
    ),
    _Operation(
        name="feed",
        title="Decode as octets arrive: one decoder made, fed once",
        notes=(
            "sslmagic: Decoder(format).feed(octets); twisted: V1Parser/V2Parser().feed;"
            " go-proxyproto: its reader as above; proxy-protocol has none",
        ),
    ),
    _Operation(
        name="encode",
        title="Encode: a ready value to octets",
        notes=(
            "sslmagic: encode(preamble, format); go-proxyproto: Header.Format();"
            " proxy-protocol: pack(result); twisted has no encoder",
        ),
    ),
    _Operation(
        name="encode-addresses",
        title="Encode: two packed addresses to octets, as a gateway does",
        notes=(
            "sslmagic: Preamble.packed(transport, block), encode; go-proxyproto:"
            " HeaderProxyFromAddrs of two net.TCPAddr, Format; proxy-protocol: a result"
            " of two ipaddress values, pack",
        ),
    ),
)
_MAGIC_NOTE = "magic: nobody else speaks it, peers decode and encode its PROXY v2 twin"


def tables(*, quick: bool) -> Sequence[Table]:
    """Measure every case and operation.

    Raises:
        MissingPeerError: a codec to compare with is not installed.
    """
    rounds, span = (5, 0.002) if quick else (21, 0.010)
    cases = [case for case in CASES if case.name == "TCP4"] if quick else CASES
    with (
        tempfile.TemporaryDirectory(prefix="sslmagic-bench-") as directory,
        go_peer.GoCodec(Path(directory)) as go,
    ):
        return [
            _table(
                operation,
                {
                    case.title: interleaved(
                        _subjects(operation.name, case, go, span), rounds=rounds
                    )
                    for case in cases
                },
                rounds,
            )
            for operation in _OPERATIONS
        ]


def _subjects(
    operation: str, case: Case, go: go_peer.GoCodec, span: float
) -> Mapping[str, Callable[[], float]]:
    """Return for each codec a function that gives nanoseconds per operation."""
    subjects: dict[str, Callable[[], float]] = {}
    for name, operations in (
        (ours.NAME, ours.operations(case)),
        (python_peers.PROXY_PROTOCOL, python_peers.proxy_protocol(case)),
        (python_peers.TWISTED, python_peers.twisted(case)),
    ):
        if operation in operations:
            subjects[name] = _calibrated(_loop(operations[operation]), span)
    asked = "decode" if operation == "feed" else operation
    subjects[go_peer.NAME] = _calibrated(
        lambda count: go.seconds(asked, case, count), span
    )
    return subjects


def _loop(operation: Callable[[], object]) -> Callable[[int], float]:
    def seconds(count: int) -> float:
        start = perf_counter()
        for _ in itertools.repeat(None, count):
            operation()
        return perf_counter() - start

    return seconds


def _calibrated(seconds: Callable[[int], float], span: float) -> Callable[[], float]:
    seconds(100)
    count = max(100, int(span / (seconds(400) / 400)))
    return lambda: seconds(count) / count * 1e9


def _table(
    operation: _Operation, measured: Mapping[str, Samples], rounds: int
) -> Table:
    go, pypi, twisted = (
        go_peer.NAME,
        python_peers.PROXY_PROTOCOL,
        python_peers.TWISTED,
    )
    rows: list[Sequence[str]] = []
    figures: dict[str, object] = {}
    for title, samples in measured.items():
        times = {name: median(values) for name, values in samples.items()}
        figures[title] = {
            "nanoseconds": times,
            "time_of_go": ratio(samples, ours.NAME, go),
            "times_faster": {
                peer: ratio(samples, peer, ours.NAME)
                for peer in (pypi, twisted)
                if peer in samples
            },
        }
        row = [title, f"{times[ours.NAME]:.0f} ns", f"{times[go]:.0f} ns"]
        row.append(f"{ratio(samples, ours.NAME, go):.2f}")
        for peer in (pypi, twisted):
            if peer in samples:
                row.append(rounded(times[peer]) + " ns")
                row.append(f"{ratio(samples, peer, ours.NAME):.1f} x")
            else:
                row += ["", ""]
        rows.append(row)
    return Table(
        title=operation.title,
        columns=(
            "preamble",
            "sslmagic",
            "go-proxyproto",
            "time / Go",
            pypi,
            "faster",
            twisted,
            "faster",
        ),
        rows=rows,
        notes=(
            *operation.notes,
            _MAGIC_NOTE,
            f"medians of {rounds} interleaved rounds; targets: at most 1.0 of Go's"
            " time, at least 8 x faster than Python peers (unsigned TCP4)",
            f"Python {platform.python_version()}, Go {version('go')}, go-proxyproto"
            f" {version(go)}, proxy-protocol {version(pypi)},"
            f" Twisted {version(twisted)}",
        ),
        figures=figures,
    )
