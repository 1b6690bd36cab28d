"""What starting `magic` costs, against an interpreter that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table

__all__ = ["tables"]

_NOTHING = "python -c pass"
_ENDPOINTS = ("--source", "203.0.113.9:51234", "--destination", "198.51.100.2:443")


def tables(*, quick: bool) -> Iterator[Table]:
    """Start commands in turn, from start to exit."""
    rounds = 5 if quick else 31
    magic = _magic()
    commands: dict[str, Sequence[str]] = {
        _NOTHING: [sys.executable, "-c", "pass"],
        "magic encode": [*magic, "encode", *_ENDPOINTS],
        "magic decode": [*magic, "decode", "--hex", _encoded(magic)],
        "magic --help": [*magic, "--help"],
    }
    subjects: dict[str, Callable[[], float]] = {
        name: partial(_seconds, command) for name, command in commands.items()
    }
    found = interleaved(subjects, rounds=rounds)
    times = {name: median(samples) * 1e3 for name, samples in found.items()}
    ratios = {name: ratio(samples, found[_NOTHING]) for name, samples in found.items()}
    yield Table(
        title="Start to exit of the command",
        columns=("command", "ms", "x nothing"),
        rows=[[name, f"{times[name]:.0f}", f"{ratios[name]:.2f}"] for name in times],
        notes=(f"medians of {rounds} interleaved rounds; target: encode within 3 x",),
        figures={
            name: {"milliseconds": times[name], "times_nothing": ratios[name]}
            for name in times
        },
    )


def _magic() -> Sequence[str]:
    script = Path(sys.executable).with_name("magic")
    return [str(script)] if script.exists() else [sys.executable, "-m", "sslmagic_cli"]


def _encoded(magic: Sequence[str]) -> str:
    made = subprocess.run(
        [*magic, "encode", *_ENDPOINTS], check=True, capture_output=True
    )
    return made.stdout.hex()


def _seconds(command: Sequence[str]) -> float:
    # An installed command has its byte code. A machine that is told to keep none would
    # compile sslmagic at every start, and the standard library never.
    environment = os.environ | {"COLUMNS": "88"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = perf_counter()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment,
    )
    return perf_counter() - start
