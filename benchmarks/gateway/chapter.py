"""Runs the proxies side by side, all of them up at once and one of them at work."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.cores import LOAD_CORE, PROXY_CORE, keep_to
from benchmarks.gateway import bulk, connections, idle, latency, syscalls
from benchmarks.gateway.backends import HOSTS, any_backend, nginx_backend
from benchmarks.gateway.processes import Server, more_descriptors
from benchmarks.gateway.proxies import Start, gateway, haproxy, nginx
from benchmarks.programs import go_program, program, version
from benchmarks.tables import Table

__all__ = ["tables"]

_OURS = "magic gateway"
_HAPROXY = "HAProxy"
_SPLICE = "HAProxy, splice-auto"
_DEFER = "HAProxy, defer-accept"
_NGINX = "nginx stream"
_NEEDED = ("haproxy", "nginx", "wrk", "go", "strace", "taskset", "openssl")

_PEERS: Mapping[str, Start] = {
    _HAPROXY: haproxy(),
    _SPLICE: haproxy(splice=True),
    _NGINX: nginx(),
}
_FORMATS = ("magic", "proxy2", "proxy1", "none")


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure one table after the other.

    Raises:
        MissingPeerError: a program to compare with or to measure with is missing.
    """
    for name in _NEEDED:
        program(name)
    more_descriptors()
    with contextlib.ExitStack() as stack:
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sslmagic-bench-"))
        )
        stack.enter_context(keep_to(LOAD_CORE))
        if quick:
            yield from _run(directory, rounds=1, seconds=1, held=500, octets=4 << 20)
        else:
            yield from _run(directory, rounds=5, seconds=2, held=5000, octets=128 << 20)


def _run(
    directory: Path, *, rounds: int, seconds: float, held: int, octets: int
) -> Iterator[Table]:
    pace = go_program("pace", directory)
    about = _about()
    with nginx_backend(directory) as backend:
        starts = {_OURS: gateway(), **_PEERS, _DEFER: haproxy(defer=True)}
        with _lined_up(starts, backend.behind, directory) as servers:
            table = connections.table(
                servers,
                title="New connections: plaintext HTTP, one request each",
                notes=about,
                rounds=rounds,
                seconds=seconds,
            )
            yield table
            yield syscalls.table(servers, directory, seconds=seconds)
            yield idle.table(servers, connections=held)
            yield latency.table(
                pace,
                servers,
                ("127.0.0.1", backend.plain),
                rate=_rate(table) / 2,
                rounds=rounds,
                seconds=seconds,
            )
        starts = {_OURS: gateway(protocol="ssl"), **_PEERS}
        with _lined_up(starts, backend.tls_behind, directory) as servers:
            yield connections.table(
                servers,
                title="New connections: TLS 1.3 passed through, one request each",
                notes=("a full handshake each with nginx's own TLS, ECDSA P-256",),
                rounds=rounds,
                seconds=seconds,
                scheme="https",
                parallel=16,
            )
    with any_backend(directory) as behind:
        starts = {enhance: gateway(enhance=enhance) for enhance in _FORMATS}
        with _lined_up(starts, behind.port, directory, (behind.host,)) as servers:
            yield connections.table(
                servers,
                title="New connections by format of the preamble, magic gateway alone",
                notes=("a backend in Go that takes any preamble",),
                rounds=rounds,
                seconds=seconds,
            )
    with bulk.bulk_backend(directory, "127.0.0.1") as behind:
        starts = {_OURS: gateway(), **_PEERS}
        with _lined_up(starts, behind.port, directory, (behind.host,)) as servers:
            yield bulk.table(servers, behind, octets=octets, rounds=rounds)


@contextlib.contextmanager
def _lined_up(
    starts: Mapping[str, Start],
    port: int,
    directory: Path,
    hosts: Sequence[str] = HOSTS,
) -> Iterator[Mapping[str, Server]]:
    """Start every proxy, in front of an address of the backend for each if it can."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for number, (name, start) in enumerate(starts.items()):
            node = f"{hosts[number % len(hosts)]}:{port}"
            servers[name] = stack.enter_context(start(node, directory))
        yield servers


def _rate(table: Table) -> float:
    found = table.figures[_HAPROXY]
    assert isinstance(found, dict)
    rate: float = found["connections_per_second"]
    return rate


def _about() -> Sequence[str]:
    return (
        f"one worker each on core {PROXY_CORE}; wrk {version('wrk')} and the backend,"
        f" nginx {version('nginx')}, on core {LOAD_CORE}",
        f"HAProxy {version('haproxy')}: nbthread 1, send-proxy-v2; nginx stream"
        f" {version('nginx')}: 1 worker, proxy_protocol on (v1); ours:"
        " --enhance proxy2 --protocol client_first --workers 1",
    )
