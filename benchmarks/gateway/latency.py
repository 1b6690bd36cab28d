"""Latency of new connections at a steady rate."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.cores import LOAD_CORE, pinned
from benchmarks.gateway.processes import Server
from benchmarks.rounds import interleaved
from benchmarks.tables import Table

__all__ = ["Latency", "pace", "table"]

_DIRECT = "no proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """From connect to the end of the answer, in microseconds."""

    p50: float
    p99: float


def pace(
    program: Path, host: str, port: int, *, rate: float, seconds: float
) -> Latency:
    """Open *rate* connections a second.

    Args:
        program: the built benchmarks/go/pace.

    Raises:
        RuntimeError: a connection failed.
    """
    said = subprocess.run(
        pinned(
            LOAD_CORE, [str(program), f"{host}:{port}", f"{rate:.0f}", f"{seconds}"]
        ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    _, failures, p50, p99 = (int(word) for word in said.split())
    if failures:
        raise RuntimeError(f"{failures} of the connections through port {port} failed")
    return Latency(p50=p50, p99=p99)


def table(
    program: Path,
    servers: Mapping[str, Server],
    direct: tuple[str, int],
    *,
    rate: float,
    rounds: int,
    seconds: float,
) -> Table:
    """Measure all *servers* in turn, and the backend without any."""
    places = {_DIRECT: direct} | {
        name: (server.host, server.port) for name, server in servers.items()
    }
    found = interleaved(
        {
            name: partial(pace, program, *place, rate=rate, seconds=seconds)
            for name, place in places.items()
        },
        rounds=rounds,
    )
    base = found[_DIRECT]
    figures: dict[str, object] = {}
    rows: list[Sequence[str]] = []
    for name, samples in found.items():
        p50 = median(each.p50 for each in samples)
        p99 = median(each.p99 for each in samples)
        added50 = median(e.p50 - b.p50 for e, b in zip(samples, base, strict=True))
        added99 = median(e.p99 - b.p99 for e, b in zip(samples, base, strict=True))
        figures[name] = {
            "p50_us": p50,
            "p99_us": p99,
            "added_p50_us": added50,
            "added_p99_us": added99,
        }
        row = [name, f"{p50:.0f}", f"{p99:.0f}"]
        row += ["", ""] if name == _DIRECT else [f"{added50:.0f}", f"{added99:.0f}"]
        rows.append(row)
    return Table(
        title="Latency of a new connection at half load",
        columns=("proxy", "p50 us", "p99 us", "added p50 us", "added p99 us"),
        rows=rows,
        notes=(
            f"{rate:.0f} connections a second, kept whatever the answers do: half of"
            " what HAProxy reached above",
            "from connect to the end of the answer; added: less than without a proxy,"
            " at the same rate, in the same round",
            f"medians of {rounds} interleaved rounds of {seconds:.0f} s",
        ),
        figures=figures,
    )
