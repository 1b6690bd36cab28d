"""Runs each Python server with its own start, and with that of `sslmagic.servers`."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.cores import LOAD_CORE, PROXY_CORE, keep_to
from benchmarks.gateway.backends import make_certificate
from benchmarks.gateway.processes import Server, free_port, more_descriptors, running
from benchmarks.library.beside import behind, table
from benchmarks.programs import program
from benchmarks.servers.server import SERVERS
from benchmarks.tables import Table

__all__ = ["tables"]

_NEEDED = ("wrk", "openssl", "taskset")
_HOW = {
    "its own start": "plain",
    "its own start, again": "plain",
    "sslmagic.servers": "magic",
}


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure one table for each server, TLS handshakes a second.

    Raises:
        MissingPeerError: a program to measure with is missing.
    """
    for name in _NEEDED:
        program(name)
    more_descriptors()
    rounds, seconds, together = (1, 1, 1) if quick else (7, 2, 4)
    with (
        tempfile.TemporaryDirectory(prefix="sslmagic-bench-") as directory,
        keep_to(LOAD_CORE),
    ):
        home = Path(directory)
        make_certificate(home)
        for name in SERVERS:
            with _servers(name, home) as servers:
                yield table(
                    servers,
                    title=name,
                    scheme="https",
                    notes=(),
                    rounds=rounds,
                    seconds=seconds,
                    together=together,
                )


@contextlib.contextmanager
def _servers(name: str, home: Path) -> Iterator[Mapping[str, Server]]:
    with contextlib.ExitStack() as stack:
        found: dict[str, Server] = {}
        for title, how in _HOW.items():
            port = free_port()
            command = [sys.executable, "-m", "benchmarks.servers.server"]
            command += [name, how, str(port), str(home)]
            log = home / f"server-{port}.log"
            server = stack.enter_context(
                running(command, core=PROXY_CORE, log=log, port=port)
            )
            enhance = "none" if how == "plain" else "magic"
            found[title] = stack.enter_context(
                behind(server, enhance=enhance, scheme="https", home=home)
            )
        yield found
