"""Reads captures of mixed traffic, small and large, beside tshark and a bare loop."""

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

from benchmarks.capture.traffic import make
from benchmarks.programs import program, version
from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table, rounded

__all__ = ["tables"]

_PEER = "tshark -T fields"
_MEGABYTES = (10, 100, 1000)
_NOTES = (
    "Mixed traffic, 100 000 connections in 1000 MB: two in three have a preamble and",
    "TLS, one in six TLS alone, one in six HTTP; one in a hundred is long; DNS, ARP.",
    "Ours finds the conversations, puts 512 octets of each peer's stream together and",
    "counts what was sent again. What tshark does of this and of TLS it does for -T",
    "fields with the stream's number, the addresses and the server's name: that is the",
    "job to compare with. -z conv,tcp is the least that it does with TCP: a list of",
    "conversations without a look at what was said. The bare loop only looks at each",
    "record's header.",
    "Seconds are the whole process's, with its start, which tells in small files.",
    "Peak memory is that of the process, or of the largest where there are several.",
)


@dataclass(frozen=True, slots=True)
class _Run:
    packets_a_second: float
    seconds: float
    kib: int


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
            samples = interleaved(subjects, rounds=1 if megabytes >= 1000 else rounds)
            yield _table(megabytes, packets, samples)


def _subjects(file: Path, packets: int) -> Mapping[str, Callable[[], _Run]]:
    cores = len(os.sched_getaffinity(0))
    fields = ("tcp.stream", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.len")
    name = "tls.handshake.extensions_server_name"
    chosen = [word for field in (*fields, name) for word in ("-e", field)]
    several = {
        f"sslmagic, {count} workers": partial(_ours, str(count), file, packets)
        for count in sorted({2, cores})
        if count > 1
    }
    return {
        "sslmagic": partial(_ours, "1", file, packets),
        **several,
        _PEER: partial(_tshark, ["-T", "fields", *chosen], file, packets),
        "tshark -z conv,tcp": partial(_tshark, ["-q", "-z", "conv,tcp"], file, packets),
        "a bare loop": partial(_ours, "walk", file, packets),
    }


def _ours(how: str, file: Path, packets: int) -> _Run:
    return _run(
        [sys.executable, "-m", "benchmarks.capture.readers", how, str(file)], packets
    )


def _tshark(options: Sequence[str], file: Path, packets: int) -> _Run:
    return _run([program("tshark"), "-n", "-r", str(file), *options], packets)


def _run(command: Sequence[str], packets: int) -> _Run:
    seconds, kib = _timed(command)
    return _Run(packets / seconds, seconds, kib)


def _timed(command: Sequence[str]) -> tuple[float, int]:
    """Seconds, and the most memory in KiB."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return time.perf_counter() - begin, used.ru_maxrss


def _table(
    megabytes: int, packets: int, samples: Mapping[str, Sequence[_Run]]
) -> Table:
    speeds = {
        name: [run.packets_a_second for run in runs] for name, runs in samples.items()
    }
    rows = [
        [
            name,
            rounded(median(speeds[name])),
            f"{ratio(speeds[name], speeds[_PEER]):.2f}",
            rounded(median(run.seconds for run in runs)),
            rounded(max(run.kib for run in runs) / 1024),
        ]
        for name, runs in samples.items()
    ]
    return Table(
        title=f"Reading {megabytes} MB of mixed traffic, {packets} packets",
        columns=("reader", "packets/s", "x tshark", "seconds", "peak MiB"),
        rows=rows,
        notes=(*_NOTES, f"tshark {version('tshark')}."),
        figures={
            name: [
                {"packets_a_second": run.packets_a_second, "kib": run.kib}
                for run in runs
            ]
            for name, runs in samples.items()
        },
    )
