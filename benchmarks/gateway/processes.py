"""Servers under measurement: started, pinned, looked at through /proc, and ended."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cores import pinned

__all__ = [
    "Cpu",
    "Server",
    "free_port",
    "more_descriptors",
    "running",
    "until",
]

_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE = 15.0
"""Seconds that a server may take to start, to fill up or to end."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor time in seconds."""

    user: float
    system: float

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.user - other.user, self.system - other.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server and the processes that it consists of."""

    pid: int
    host: str
    port: int

    @property
    def pids(self) -> Sequence[int]:
        """The process that was started, and all below it."""
        return list(_tree(self.pid))

    @property
    def cpu(self) -> Cpu:
        """What all its processes have used so far."""
        user = system = 0
        for pid in self.pids:
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
            fields = after_name.split()
            user += int(fields[11])
            system += int(fields[12])
        return Cpu(user / _TICK, system / _TICK)

    @property
    def pss(self) -> int:
        """Proportional set size of all its processes in octets."""
        total = 0
        for pid in self.pids:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total

    @property
    def descriptors(self) -> int:
        """How many descriptors all its processes hold."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.pids)


def free_port() -> int:
    """Return a TCP port that the kernel has just found free on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def more_descriptors() -> None:
    """Raise the limit of descriptors, for us and what we start, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds.

    Raises:
        TimeoutError: it does not within 15 seconds.
    """
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {_PATIENCE:.0f} s")
        time.sleep(0.01)


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    core: int,
    log: Path,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start a server on one core, wait until it accepts, and end it at last.

    Args:
        log: where its standard error goes.
        port: where it will listen; None for a server that prints ``ready
            HOST:PORT`` on standard error.

    Raises:
        RuntimeError: it ended instead of listening.
    """
    with log.open("wb") as sink:
        process = subprocess.Popen(
            pinned(core, command),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=None if environment is None else {**os.environ, **environment},
        )
    try:
        found: list[tuple[str, int]] = []

        def listens() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended:\n{log.read_text()}")
            found[:] = _ready(log) if port is None else [("127.0.0.1", port)]
            return bool(found) and _accepts(*found[0])

        until(listens, f"{' '.join(command)} listens")
        host, at = found[0]
        yield Server(pid=process.pid, host=host, port=at)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    pids = list(_tree(process.pid))
    process.terminate()
    try:
        process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in pids[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _ready(log: Path) -> list[tuple[str, int]]:
    said = (line.split() for line in log.read_text().splitlines())
    addresses = (words[1] for words in said if words[:1] == ["ready"])
    return [
        (host, int(port))
        for host, _, port in (address.rpartition(":") for address in addresses)
    ]


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
