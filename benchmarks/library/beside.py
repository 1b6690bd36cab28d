"""One server beside the same without preambles, both behind a gateway."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.cores import LOAD_CORE, PROXY_CORE
from benchmarks.gateway.connections import Load, load
from benchmarks.gateway.processes import Server, running
from benchmarks.programs import version
from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table, rounded

__all__ = ["behind", "table"]

_PARALLEL = 16


@contextlib.contextmanager
def behind(
    server: Server, *, enhance: str, scheme: str, home: Path
) -> Iterator[Server]:
    """Give the server as it is reached through a gateway of its own.

    What the load connects to is the gateway, what it costs is the server's.

    Args:
        enhance: the preamble that the gateway sends, or none.
        scheme: http or https, which the gateway passes through.
    """
    command = [sys.executable, "-m", "sslmagic_cli", "gateway"]
    command += ["--listen", "127.0.0.1:0", "--node", f"{server.host}:{server.port}"]
    command += ["--protocol", "ssl" if scheme == "https" else "client_first"]
    command += ["--enhance", enhance, "--workers", "1", "--grace", "0"]
    log = home / f"gateway-{server.port}.log"
    with running(command, core=LOAD_CORE, log=log) as gateway:
        yield replace(server, host=gateway.host, port=gateway.port)


def table(
    servers: Mapping[str, Server],
    *,
    title: str,
    scheme: str,
    notes: Sequence[str],
    rounds: int,
    seconds: float,
    together: float,
) -> Table:
    """Measure all *servers* in turn; each is compared with the first.

    Args:
        seconds: of each server's load alone.
        together: seconds of the load of all at once.
    """
    measures = {
        name: partial(load, server, seconds=seconds, scheme=scheme, parallel=_PARALLEL)
        for name, server in servers.items()
    }
    loads = interleaved(measures, rounds=rounds)
    shared = _together(servers, rounds=rounds, seconds=together, scheme=scheme)
    base = next(iter(loads.values()))
    figures: dict[str, object] = {}
    rows: list[Sequence[str]] = []
    for name, found in loads.items():
        rate = median(each.rate for each in found)
        cost = median(each.cost for each in found)
        busy = median(each.busy for each in found)
        faster = ratio([each.rate for each in found], [each.rate for each in base])
        thrift = ratio([each.cost for each in base], [each.cost for each in found])
        fair = [each[name].cost for each in shared]
        level = ratio([each[next(iter(loads))].cost for each in shared], fair)
        figures[name] = {
            "connections_per_second": rate,
            "by_without": faster,
            "core_used": busy,
            "cpu_us": cost,
            "efficiency_by_without": thrift,
            "efficiency_at_once": level,
        }
        row = [name, rounded(rate), f"{faster:.2f}", f"{busy:.0%}"]
        rows.append([*row, f"{cost:.0f}", f"{thrift:.2f}", f"{level:.2f}"])
    what = "TLS 1.3, a full handshake" if scheme == "https" else "HTTP"
    return Table(
        title=f"{title}: {what} and one request for each connection",
        columns=(
            *("server", "connections/s", "times", "core used"),
            *("CPU us", "connections by CPU", "all at once"),
        ),
        rows=rows,
        notes=(
            f"the server alone on core {PROXY_CORE}; wrk {version('wrk')} through"
            f" magic gateway, both on core {LOAD_CORE}",
            "core used: below 90 % of the server's the load was the limit, so that only"
            " the CPU compares",
            "the gateway sends preambles (--enhance magic) to all but the first server",
            *notes,
            "times, connections by CPU: as multiples of the first server's",
            "all at once: connections by CPU again, while all servers of the table are"
            " under load together on their one core, so that whatever else the machine"
            " does befalls them alike; a second server of the first kind shows what"
            " chance does",
            f"medians of {rounds} interleaved rounds of {seconds:.0f} s,"
            f" {_PARALLEL} connections at a time",
        ),
        figures=figures,
    )


def _together(
    servers: Mapping[str, Server], *, rounds: int, seconds: float, scheme: str
) -> Sequence[Mapping[str, Load]]:
    """Put all *servers* under load at the same time, and give what each used."""
    burst = partial(load, seconds=seconds, scheme=scheme, parallel=_PARALLEL // 2)
    with ThreadPoolExecutor(len(servers)) as pool:
        return [
            dict(zip(servers, pool.map(burst, servers.values()), strict=True))
            for _ in range(rounds)
        ]
