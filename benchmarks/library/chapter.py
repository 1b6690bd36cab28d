"""Runs one asyncio server with and without preambles, and among silent connections."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.cores import LOAD_CORE, PROXY_CORE, keep_to
from benchmarks.gateway.backends import make_certificate
from benchmarks.gateway.connections import load
from benchmarks.gateway.processes import Server, more_descriptors, running
from benchmarks.programs import program, version
from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table, rounded

__all__ = ["tables"]

_WITHOUT = "the loop's own server"
_WITH = "sslmagic.streams"
_SILENT = "sslmagic.streams, silent"
_NEEDED = ("wrk", "openssl", "taskset")
_PARALLEL = 16


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure one table for each loop, in clear and with TLS.

    Raises:
        MissingPeerError: a program to measure with is missing.
    """
    for name in _NEEDED:
        program(name)
    more_descriptors()
    rounds, seconds, silent = (1, 2, 150) if quick else (7, 2, 1000)
    loops = ["asyncio"]
    if importlib.util.find_spec("uvloop") is not None:
        loops.append("uvloop")
    with (
        tempfile.TemporaryDirectory(prefix="sslmagic-bench-") as directory,
        keep_to(LOAD_CORE),
    ):
        home = Path(directory)
        make_certificate(home)
        for loop in loops:
            for scheme in ("http", "https"):
                with _servers(loop, scheme, silent, home) as servers:
                    yield _table(loop, scheme, servers, silent, rounds, seconds)


@contextlib.contextmanager
def _servers(
    loop: str, scheme: str, silent: int, home: Path
) -> Iterator[Mapping[str, Server]]:
    tls = "+tls" if scheme == "https" else ""
    with contextlib.ExitStack() as stack:
        found: dict[str, Server] = {}
        for name, how in {_WITHOUT: "plain", _WITH: "magic", _SILENT: "magic"}.items():
            command = [sys.executable, "-m", "benchmarks.library.server"]
            command += [loop, how + tls, str(home)]
            log = home / f"{loop}-{len(found)}.log"
            server = stack.enter_context(running(command, core=PROXY_CORE, log=log))
            if name is _SILENT:
                for _ in range(silent):
                    place = (server.host, server.port)
                    stack.enter_context(socket.create_connection(place))
            enhance = "none" if name is _WITHOUT else "magic"
            gateway = stack.enter_context(_gateway(server, enhance, scheme, home))
            # What the load connects to is the gateway, what it costs is the server's.
            found[name] = replace(server, host=gateway.host, port=gateway.port)
        yield found


@contextlib.contextmanager
def _gateway(node: Server, enhance: str, scheme: str, home: Path) -> Iterator[Server]:
    command = [sys.executable, "-m", "sslmagic_cli", "gateway"]
    command += ["--listen", "127.0.0.1:0", "--node", f"{node.host}:{node.port}"]
    command += ["--protocol", "ssl" if scheme == "https" else "client_first"]
    command += ["--enhance", enhance, "--workers", "1", "--grace", "0"]
    log = home / f"gateway-{node.port}.log"
    with running(command, core=LOAD_CORE, log=log) as gateway:
        yield gateway


def _table(
    loop: str,
    scheme: str,
    servers: Mapping[str, Server],
    silent: int,
    rounds: int,
    seconds: float,
) -> Table:
    measures = {
        name: partial(load, server, seconds=seconds, scheme=scheme, parallel=_PARALLEL)
        for name, server in servers.items()
    }
    loads = interleaved(measures, rounds=rounds)
    base = loads[_WITHOUT]
    figures: dict[str, object] = {}
    rows: list[Sequence[str]] = []
    for name, found in loads.items():
        rate = median(each.rate for each in found)
        cost = median(each.cost for each in found)
        faster = ratio([each.rate for each in found], [each.rate for each in base])
        thrift = ratio([each.cost for each in base], [each.cost for each in found])
        figures[name] = {
            "connections_per_second": rate,
            "by_without": faster,
            "cpu_us": cost,
            "efficiency_by_without": thrift,
        }
        row = [name, rounded(rate), f"{faster:.2f}", f"{cost:.0f}", f"{thrift:.2f}"]
        rows.append(row)
    what = "TLS 1.3, ECDSA P-256, a full handshake" if scheme == "https" else "HTTP"
    return Table(
        title=f"A server on {loop}: {what} and one request for each connection",
        columns=("server", "connections/s", "times", "CPU us", "connections by CPU"),
        rows=rows,
        notes=(
            f"the server alone on core {PROXY_CORE}; wrk {version('wrk')} through"
            f" magic gateway, both on core {LOAD_CORE}, which may be the limit",
            "the gateway sends preambles (--enhance magic) to all but the first server",
            f"silent: while {silent} connections wait for their preamble",
            "times, connections by CPU: as multiples of the first server's",
            f"medians of {rounds} interleaved rounds of {seconds:.0f} s,"
            f" {_PARALLEL} connections at a time",
        ),
        figures=figures,
    )
