"""Runs one asyncio server with and without preambles, and among silent connections."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.cores import LOAD_CORE, PROXY_CORE, keep_to
from benchmarks.gateway.backends import make_certificate
from benchmarks.gateway.processes import Server, more_descriptors, running
from benchmarks.library.beside import behind, table
from benchmarks.programs import program
from benchmarks.tables import Table

__all__ = ["tables"]

_WITHOUT = "the loop's own server"
_WITH = "sslmagic.streams"
_SILENT = "sslmagic.streams, silent"
_NEEDED = ("wrk", "openssl", "taskset")


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure one table for each loop, in clear and with TLS.

    Raises:
        MissingPeerError: a program to measure with is missing.
    """
    for name in _NEEDED:
        program(name)
    more_descriptors()
    rounds, seconds, together = (1, 1, 1) if quick else (7, 2, 4)
    silent = 150 if quick else 1000
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
                    yield table(
                        servers,
                        title=f"A server on {loop}",
                        scheme=scheme,
                        notes=(
                            f"silent: while {silent} connections wait for their"
                            " preamble",
                        ),
                        rounds=rounds,
                        seconds=seconds,
                        together=together,
                    )


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
            found[name] = stack.enter_context(
                behind(server, enhance=enhance, scheme=scheme, home=home)
            )
        yield found
