"""Inspects captures of mixed traffic, small and large, beside tshark."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.capture.memory import measured
from benchmarks.capture.traffic import make
from benchmarks.programs import program, version
from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table, rounded

__all__ = ["tables"]

_FIELDS = "tshark -T fields"
_LIST = "tshark -z conv,tcp"
_MEGABYTES = (10, 100, 1000)
_NOTES = (
    "mixed traffic, 100 000 connections in 1000 MB: two in three have a preamble and "
    "TLS, one in six TLS alone, one in six HTTP; one in a hundred is long; DNS, ARP",
    "magic inspect is the whole command: it finds the connections, puts the fronts of "
    "their streams together, judges each as a receiver would, reads its ClientHello, "
    "looks for both sides of a gateway, and writes totals, a row each, or JSON",
    "what tshark does of this and of TLS it does for -T fields with the stream's "
    "number, the addresses and the server's name: that is the job to compare with",
    "-z conv,tcp is the least that tshark does with TCP: a list of conversations "
    "without a look at what was said",
    "reading alone is what a program gets from sslmagic.capture in one process; the "
    "bare loop only looks at each record's header",
    "seconds are the whole process's, with its start, which tells in small files; CPU "
    "is that of all its processes; where the machine does other things too it is what "
    "can be compared",
    "peak memory is that of all processes of the command together, of which what they "
    "share counts once",
)


@dataclass(frozen=True, slots=True)
class _Run:
    packets: int
    seconds: float
    cpu: float
    """Seconds of all processes, user and system."""
    mib: float


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure one table for each size.

    Raises:
        MissingPeerError: tshark is missing.
    """
    program("tshark")
    rounds = 1 if quick else 3
    for megabytes in (2,) if quick else _MEGABYTES:
        with tempfile.TemporaryDirectory(prefix="sslmagic-bench-") as directory:
            file = Path(directory) / "mixed.pcap"
            packets = make(file, octets=megabytes * 1_000_000)
            subjects = _subjects(file, packets)
            samples = interleaved(subjects, rounds=rounds)
            is_last = quick or megabytes == _MEGABYTES[-1]
            notes = [*_NOTES, _tshark(rounds)] if is_last else []
            yield _table(megabytes, packets, samples, notes)


def _tshark(rounds: int) -> str:
    said = f"tshark {version('tshark')}"
    return said if rounds == 1 else f"medians of {rounds} interleaved rounds; {said}"


def _subjects(file: Path, packets: int) -> Mapping[str, Callable[[], _Run]]:
    fields = ("tcp.stream", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.len")
    name = "tls.handshake.extensions_server_name"
    chosen = [word for field in (*fields, name) for word in ("-e", field)]
    python = [sys.executable, "-m"]
    inspect = [*python, "sslmagic_cli", "inspect", str(file)]
    tshark = [program("tshark"), "-n", "-r", str(file)]
    commands = {
        "magic inspect --totals": [*inspect, "--totals"],
        "magic inspect, a row each": inspect,
        "magic inspect --json": [*inspect, "--json"],
        "--totals --workers 1": [*inspect, "--totals", "--workers", "1"],
        "reading alone": [*python, "benchmarks.capture.readers", "1", str(file)],
        _FIELDS: [*tshark, "-T", "fields", *chosen],
        _LIST: [*tshark, "-q", "-z", "conv,tcp"],
        "a bare loop": [*python, "benchmarks.capture.readers", "walk", str(file)],
    }
    return {name: partial(_run, command, packets) for name, command in commands.items()}


def _run(command: Sequence[str], packets: int) -> _Run:
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with measured(process.pid) as memory:
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    # A process that was too quick to be looked at has its own account of it.
    mib = max(memory.peak, used.ru_maxrss << 10) / (1 << 20)
    return _Run(packets, seconds, used.ru_utime + used.ru_stime, mib)


def _table(
    megabytes: int,
    packets: int,
    samples: Mapping[str, Sequence[_Run]],
    notes: Sequence[str],
) -> Table:
    wall = {name: [1 / run.seconds for run in runs] for name, runs in samples.items()}
    cpu = {name: [1 / run.cpu for run in runs] for name, runs in samples.items()}
    rows = [
        [
            name,
            rounded(packets * median(wall[name])),
            *(f"{ratio(wall[name], wall[peer]):.2f}" for peer in (_FIELDS, _LIST)),
            rounded(median(run.seconds for run in runs)),
            rounded(median(run.cpu for run in runs)),
            *(f"{ratio(cpu[name], cpu[peer]):.2f}" for peer in (_FIELDS, _LIST)),
            rounded(max(run.mib for run in runs)),
        ]
        for name, runs in samples.items()
    ]
    return Table(
        title=f"Inspecting {megabytes} MB of mixed traffic, {packets} packets",
        columns=(
            *("reader", "packets/s", "x -T fields", "x conv,tcp", "seconds", "CPU s"),
            *("x -T fields, CPU", "x conv,tcp, CPU", "peak MiB"),
        ),
        rows=rows,
        notes=notes,
        figures={
            name: [
                {
                    "packets_a_second": packets / run.seconds,
                    "cpu_seconds": run.cpu,
                    "kib": round(run.mib * 1024),
                }
                for run in runs
            ]
            for name, runs in samples.items()
        },
    )
