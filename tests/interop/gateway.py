"""`magic gateway` and `magic node`, each as the process that a user starts."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from sslmagic import Endpoint
from tests.interop.peers import Address, Process
from tests.interop.senders import said

__all__ = ["gateway", "node"]

_numbers = itertools.count()


def gateway(
    host: str,
    *nodes: Address,
    enhance: str,
    directory: Path,
    options: tuple[str, ...] = (),
) -> contextlib.AbstractContextManager[Address]:
    """Runs a gateway on a port of the kernel's choice, which is what it yields."""
    to = itertools.chain.from_iterable(("--node", said(node)) for node in nodes)
    return _magic(
        *("gateway", "--listen", said((host, 0)), *to, "--enhance", enhance),
        *("--workers", "1", *options),
        directory=directory,
    )


def node(
    host: str, to: Address, *options: str, directory: Path
) -> contextlib.AbstractContextManager[Address]:
    """Runs a node that strips, in front of `to`."""
    return _magic(
        *("node", "--listen", said((host, 0)), "--to", said(to)),
        *("--workers", "1", *options),
        directory=directory,
    )


@contextlib.contextmanager
def _magic(*arguments: str, directory: Path) -> Iterator[Address]:
    log = directory / f"magic-{arguments[0]}-{next(_numbers)}.log"
    with Process(
        [sys.executable, "-m", "sslmagic_cli", *arguments], log=log
    ) as process:
        ready = process.until_said(r"^ready (\S+)$")
        yield Endpoint.parse(ready.group(1))
