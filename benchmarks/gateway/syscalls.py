"""System calls per connection, counted by strace under load."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.cores import LOAD_CORE, pinned
from benchmarks.gateway.connections import load
from benchmarks.gateway.processes import Server, until
from benchmarks.programs import program
from benchmarks.tables import Table

__all__ = ["calls_per_connection", "table"]

_PARALLEL = 8
"""Connections at a time: those that strace's end cuts short must not count."""
_LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$")
"""One line of ``strace -c``: share, seconds, each, calls, errors if any, name."""


def calls_per_connection(
    proxy: Server, directory: Path, *, seconds: float
) -> Mapping[str, float]:
    """Return how often each system call is made for one connection.

    Raises:
        RuntimeError: strace may not look at the proxy.
    """
    found = directory / f"strace-{proxy.pid}.txt"
    command = [program("strace"), "-f", "-c", "-o", str(found)]
    for pid in proxy.pids:
        command += ["-p", str(pid)]
    strace = subprocess.Popen(
        pinned(LOAD_CORE, command), stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: _is_traced(proxy, strace), "strace attaches")
        made = load(proxy, seconds=seconds, parallel=_PARALLEL)
    finally:
        strace.send_signal(signal.SIGINT)
        _, said = strace.communicate(timeout=15)
    calls = {
        line[2]: int(line[1])
        for line in map(_LINE.match, found.read_text().splitlines())
        if line and line[2] != "total"
    }
    if not calls:
        raise RuntimeError(f"strace counted nothing: {said}")
    return {name: count / made.connections for name, count in calls.items()}


def _is_traced(proxy: Server, strace: subprocess.Popen[str]) -> bool:
    if strace.poll() is not None:
        raise RuntimeError(f"strace ended with {strace.returncode}")
    return all(
        "TracerPid:\t0" not in Path(f"/proc/{pid}/status").read_text()
        for pid in proxy.pids
    )


def table(servers: Mapping[str, Server], directory: Path, *, seconds: float) -> Table:
    """Count for each of *servers*, one after the other: counts need no rounds."""
    counted = {
        name: calls_per_connection(server, directory, seconds=seconds)
        for name, server in servers.items()
    }
    totals = {name: sum(calls.values()) for name, calls in counted.items()}
    names = sorted(
        {name for calls in counted.values() for name in calls},
        key=lambda name: -max(calls.get(name, 0) for calls in counted.values()),
    )
    rows = [["all", *(f"{total:.1f}" for total in totals.values())]]
    for name in names:
        each = [calls.get(name, 0) for calls in counted.values()]
        if max(each) >= 0.05:
            rows.append([name, *(f"{count:.1f}" if count else "" for count in each)])
    return Table(
        title="System calls per connection",
        columns=("call", *counted),
        rows=rows,
        notes=(f"strace -f -c, {_PARALLEL} connections at a time",),
        figures={name: dict(calls) for name, calls in counted.items()},
    )
