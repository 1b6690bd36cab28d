"""New connections through a proxy: wrk closes each after one request."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.cores import LOAD_CORE, pinned
from benchmarks.gateway.processes import Server
from benchmarks.programs import program
from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table, rounded

__all__ = ["Load", "load", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one burst of connections gave."""

    connections: int
    seconds: float
    user: float
    """Processor microseconds of the proxy per connection, in its own code."""
    system: float
    """The same in the kernel."""

    @property
    def rate(self) -> float:
        """Connections a second."""
        return self.connections / self.seconds

    @property
    def cost(self) -> float:
        """Processor microseconds of the proxy per connection."""
        return self.user + self.system

    @property
    def busy(self) -> float:
        """Which part of its core the proxy used; below 0.9 it was not the limit."""
        return self.rate * self.cost / 1e6


def load(
    proxy: Server, *, seconds: float, parallel: int = 64, scheme: str = "http"
) -> Load:
    """Open connections as fast as they go, one request each.

    All of them fail alike on a machine that is busy with something else.

    Raises:
        RuntimeError: a connection failed, so that the figure would be none.
    """
    before = proxy.cpu
    said = subprocess.run(
        pinned(
            LOAD_CORE,
            [
                *(program("wrk"), "-t1", f"-c{parallel}", f"-d{seconds:.0f}s"),
                *("-H", "Connection: close"),
                f"{scheme}://{proxy.host}:{proxy.port}/",
            ],
        ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    used = proxy.cpu - before
    if failures := re.findall(r"(Socket errors|Non-2xx).*", said):
        raise RuntimeError(f"{failures} through port {proxy.port}:\n{said}")
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    if found is None or not int(found[1]):
        raise RuntimeError(f"no request came through port {proxy.port}:\n{said}")
    count = int(found[1])
    return Load(
        connections=count,
        seconds=float(found[2]),
        user=used.user / count * 1e6,
        system=used.system / count * 1e6,
    )


def table(
    servers: Mapping[str, Server],
    *,
    title: str,
    notes: Sequence[str],
    rounds: int,
    seconds: float,
    scheme: str = "http",
    parallel: int = 64,
) -> Table:
    """Measure all *servers* in turn; the first is compared with each."""
    measures = {
        name: partial(load, server, seconds=seconds, scheme=scheme, parallel=parallel)
        for name, server in servers.items()
    }
    loads = interleaved(measures, rounds=rounds)
    first = next(iter(loads.values()))
    figures: dict[str, object] = {}
    rows: list[Sequence[str]] = []
    for name, found in loads.items():
        rate = median(each.rate for each in found)
        times = ratio([each.rate for each in first], [each.rate for each in found])
        user = median(each.user for each in found)
        system = median(each.system for each in found)
        cost = median(each.cost for each in found)
        dearer = ratio([each.cost for each in first], [each.cost for each in found])
        busy = median(each.busy for each in found)
        figures[name] = {
            "connections_per_second": rate,
            "ours_by_this": times,
            "user_us": user,
            "system_us": system,
            "cpu_us": cost,
            "our_cpu_by_this": dearer,
            "core_used": busy,
        }
        row = [name, rounded(rate), f"{times:.2f}", f"{busy:.0%}"]
        row += [f"{user:.0f}", f"{system:.0f}", f"{cost:.0f}", f"{dearer:.2f}"]
        rows.append(row)
    return Table(
        title=title,
        columns=(
            "proxy",
            *("connections/s", "ours / this", "core used"),
            *("user us", "system us", "CPU us", "ours / this"),
        ),
        rows=rows,
        notes=(
            *notes,
            "CPU: of the proxy's processes, per connection; below 90 % of its core the"
            " load was the limit, so that only the CPU compares",
            f"medians of {rounds} interleaved rounds of {seconds:.0f} s,"
            f" {parallel} connections at a time",
        ),
        figures=figures,
    )
