"""Bulk through a proxy: octets a second, down and up, and what they cost the proxy.

Both ends are threads of this module that copy every octet in and out of user memory,
as a server with TLS does; a call moves 256 KiB, so that Python hardly shows. The server
end runs as ``python -m benchmarks.gateway.bulk``.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.cores import LOAD_CORE
from benchmarks.gateway.processes import Server, running
from benchmarks.rounds import interleaved, ratio
from benchmarks.tables import Table, rounded
from sslmagic import Decoder

__all__ = ["Bulk", "bulk_backend", "move", "table"]

_PARALLEL = 4
_DIRECT = "no proxy"

_CHUNK = 256 * 1024
_ORDER = struct.Struct("!cQ")
"""What a client asks for: D to be sent so many octets, U to send them."""
_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """What one transfer gave."""

    rate: float
    """Megabytes (10**6) a second, all connections together."""
    cost: float
    """Processor milliseconds of the proxy for each gigabyte (10**9)."""


@contextlib.contextmanager
def bulk_backend(directory: Path, host: str) -> Iterator[Server]:
    """Start the server end on the load's core, listening on *host*."""
    command = [sys.executable, "-m", "benchmarks.gateway.bulk", host]
    log = directory / "bulk.log"
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    with running(command, core=LOAD_CORE, log=log, environment=environment) as server:
        yield server


def move(server: Server, direction: bytes, *, octets: int) -> Bulk:
    """Move *octets* on each of four connections, D down or U up."""
    before = server.cpu
    start = perf_counter()
    with ThreadPoolExecutor(_PARALLEL) as pool:
        transfers = [
            pool.submit(_client, server.host, server.port, direction, octets)
            for _ in range(_PARALLEL)
        ]
        for transfer in transfers:
            transfer.result(_SECONDS)
    seconds = perf_counter() - start
    used = server.cpu - before
    moved = octets * _PARALLEL
    return Bulk(
        rate=moved / seconds / 1e6,
        cost=(used.user + used.system) * 1e3 / (moved / 1e9),
    )


def table(
    servers: Mapping[str, Server], direct: Server, *, octets: int, rounds: int
) -> Table:
    """Measure all *servers* in turn, and the backend without any."""
    found: dict[str, Mapping[str, Sequence[Bulk]]] = {}
    for name, direction in (("down", b"D"), ("up", b"U")):
        subjects = {
            who: partial(move, server, direction, octets=octets)
            for who, server in (*servers.items(), (_DIRECT, direct))
        }
        found[name] = interleaved(subjects, rounds=rounds)
    ours = next(iter(servers))
    figures: dict[str, object] = {}
    rows: list[Sequence[str]] = []
    for who in (*servers, _DIRECT):
        row = [who]
        said: dict[str, float] = {}
        for name, samples in found.items():
            rates = {each: [one.rate for one in them] for each, them in samples.items()}
            rate, times = median(rates[who]), ratio(rates[ours], rates[who])
            said |= {f"{name}_mb_s": rate, f"{name}_ours_by_this": times}
            row += [rounded(rate), f"{times:.2f}"]
            if who == _DIRECT:
                row.append("")
            else:
                cost = median(one.cost for one in samples[who])
                said[f"{name}_cpu_ms_per_gb"] = cost
                row.append(rounded(cost))
        figures[who] = said
        rows.append(row)
    return Table(
        title=f"Bulk: {_PARALLEL} connections of {octets >> 20} MiB at a time",
        columns=(
            "proxy",
            *("down MB/s", "ours / this", "CPU ms/GB"),
            *("up MB/s", "ours / this", "CPU ms/GB"),
        ),
        rows=rows,
        notes=(
            "both ends copy every octet in and out of user memory, on one core",
            f"medians of {rounds} interleaved rounds",
        ),
        figures=figures,
    )


def _client(host: str, port: int, direction: bytes, octets: int) -> None:
    with socket.create_connection((host, port), timeout=_SECONDS) as connection:
        connection.sendall(_ORDER.pack(direction, octets))
        if direction == b"U":
            _send(connection, octets)
            connection.recv(1)
        else:
            _receive(connection, octets)


def _send(connection: socket.socket, octets: int) -> None:
    chunk = memoryview(bytes(_CHUNK))
    while octets:
        octets -= connection.send(chunk[: min(octets, _CHUNK)])


def _receive(connection: socket.socket, octets: int) -> None:
    buffer = bytearray(_CHUNK)
    while octets:
        count = connection.recv_into(buffer, min(octets, _CHUNK))
        if not count:
            raise RuntimeError(f"the stream ended {octets} octets early")
        octets -= count


def _serve(connection: socket.socket) -> None:
    with connection:
        connection.settimeout(_SECONDS)
        first = connection.recv(1, socket.MSG_PEEK)
        if not first:
            return  # Somebody looked whether we listen.
        if first not in (b"D", b"U"):
            decoder = Decoder(("magic", "proxy1", "proxy2"))
            while decoder.wanted:
                decoder.feed(_some(connection, decoder.wanted))
        order = b""
        while len(order) < _ORDER.size:
            order += _some(connection, _ORDER.size - len(order))
        direction, octets = _ORDER.unpack(order)
        if direction == b"U":
            _receive(connection, octets)
            connection.sendall(b".")
        else:
            _send(connection, octets)


def _some(connection: socket.socket, most: int) -> bytes:
    octets = connection.recv(most)
    if not octets:
        raise RuntimeError("the stream ended before it said what it wants")
    return octets


def _main(host: str) -> None:
    with socket.create_server((host, 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        print(f"ready {host}:{port}", file=sys.stderr, flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=[connection], daemon=True).start()


if __name__ == "__main__":
    _main(sys.argv[1])
