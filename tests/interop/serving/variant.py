"""Servers under test: one variant for each way of running one."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.interop.authority import Authority
from tests.interop.peers import Address, Port, Process
from tests.interop.serving.place import Place

__all__ = ["Server", "Variant", "serving"]

_numbers = itertools.count()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One server, on one loop or with one kind of worker."""

    name: str
    """Server and loop or worker, as `uvicorn-uvloop`."""
    serve: Callable[[Place], None]
    """Serves until the process is told to end. Called in a process of its own; what it
    needs is imported inside."""
    tls: bool = True
    """Whether it has TLS of its own."""
    unix: bool = True
    """Whether it can listen on a UNIX socket."""
    http: bool = True
    """Whether it speaks HTTP/1.1."""
    http2: bool = False
    websocket: bool = False
    log: str | None = None
    """What its log says of a request of 203.0.113.9's, as a regular expression."""
    request: bytes | None = None
    """What a client sends once TLS is up, where that is not HTTP."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One variant while it runs."""

    process: Process
    address: Address | Path


@contextlib.contextmanager
def serving(
    variant: Variant,
    place: Place,
    *,
    directory: Path,
    authority: Authority | None = None,
) -> Iterator[Server]:
    """Runs a variant, on a port of the kernel's choice if *place* names none.

    Args:
        authority: whose certificate it serves TLS with; None for none.
    """
    if authority is not None:
        place = dataclasses.replace(
            place, certificate=str(authority.certificate), key=str(authority.key)
        )
    ports: list[Port] = []
    address: Address | Path
    if place.uds is None:
        ports = [Port(place.host)]
        address = ports[0].address
        place = dataclasses.replace(place, port=ports[0].number)
    else:
        address = Path(place.uds)
    command: list[str | Path] = [sys.executable, "-m", "tests.interop.serving.launch"]
    log = directory / f"{variant.name}-{next(_numbers)}.log"
    with Process([*command, variant.name, place.text()], log=log, ports=ports) as one:
        if isinstance(address, Path):
            path = str(address)
            one.until(lambda: _listens(path), f"listened on {path}")
        yield Server(process=one, address=address)


def _listens(path: str) -> bool:
    # Asked of the kernel, because to connect would be to connect.
    lines = Path("/proc/net/unix").read_text("utf-8", "replace").splitlines()
    return any(
        fields[3] == "00010000" and fields[-1] == path
        for fields in map(str.split, lines[1:])
    )
