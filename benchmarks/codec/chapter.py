"""Runs the codecs in interleaved rounds and makes their tables."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.codec import go_peer, ours, python_peers
from benchmarks.codec.cases import CASES, Case
from benchmarks.codec.operations import OPERATIONS, Operation
from benchmarks.codec.statement import Seconds
from benchmarks.cores import LOAD_CORE, keep_to
from benchmarks.programs import version
from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table, rounded

__all__ = ["tables"]


_MAGIC_NOTE = "magic: nobody else speaks it, peers decode and encode its PROXY v2 twin"


def tables(*, quick: bool) -> Sequence[Table]:
    """Measure every case and operation.

    Raises:
        MissingPeerError: a codec to compare with is not installed.
    """
    rounds, span = (5, 0.002) if quick else (21, 0.010)
    cases = [case for case in CASES if case.name == "TCP4"] if quick else CASES
    with (
        keep_to(LOAD_CORE),
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
            for operation in OPERATIONS
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
            subjects[name] = _calibrated(operations[operation], span)
    asked = "decode" if operation == "feed" else operation
    subjects[go_peer.NAME] = _calibrated(
        lambda count: go.seconds(asked, case, count), span
    )
    return subjects


def _calibrated(seconds: Seconds, span: float) -> Callable[[], float]:
    seconds(100)
    count = max(100, int(span / (seconds(400) / 400)))
    return lambda: seconds(count) / count * 1e9


def _table(
    operation: Operation,
    measured: Mapping[str, Mapping[str, Sequence[float]]],
    rounds: int,
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
            "time_of_go": ratio(samples[ours.NAME], samples[go]),
            "times_faster": {
                peer: ratio(samples[peer], samples[ours.NAME])
                for peer in (pypi, twisted)
                if peer in samples
            },
        }
        row = [title, f"{times[ours.NAME]:.0f} ns", f"{times[go]:.0f} ns"]
        row.append(f"{ratio(samples[ours.NAME], samples[go]):.2f}")
        for peer in (pypi, twisted):
            if peer in samples:
                row.append(rounded(times[peer]) + " ns")
                row.append(f"{ratio(samples[peer], samples[ours.NAME]):.1f} x")
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
            "all on one core, so that Go's collector has none for itself",
            (
                f"medians of {rounds} interleaved rounds; targets: at most 1.0 of Go's"
                " time, at least 8 x faster than Python peers (unsigned TCP4)"
            ),
            (
                f"Python {platform.python_version()}, Go {version('go')}, go-proxyproto"
                f" {version(go)}, proxy-protocol {version(pypi)},"
                f" Twisted {version(twisted)}"
            ),
        ),
        figures=figures,
    )
