"""Many connections to one server, each from an address of its own; none may be lost."""

from __future__ import annotations

import collections
import dataclasses
import errno
import itertools
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from tests.interop.client import REQUEST, ask
from tests.interop.peers import Address

__all__ = ["Load", "load"]

AT_A_TIME = 16
PORTS = range(10_000, 60_000)

_hosts = itertools.count(1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What became of so many connections."""

    answered: int
    """Those whose answer named the address that the client really had."""
    lost: Mapping[str, int]
    """What befell the others, and how often."""
    seconds: float


class _Sources:
    """Addresses to connect from, none of them twice; for any thread."""

    def __init__(self) -> None:
        number = next(_hosts)
        # A host for each load: TIME_WAIT of an earlier one keeps no port of this one.
        self._host = f"127.9.{number >> 8}.{number & 255}"
        self._ports = iter(PORTS)
        self._turn = threading.Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Address:
        with self._turn:
            return self._host, next(self._ports)


def load(
    address: Address,
    context: ssl.SSLContext | None,
    *,
    number: int,
    request: bytes | None = None,
) -> Load:
    """Asks so many times, a few at a time, over TLS if there is a context."""
    sources = _Sources()
    befell: collections.Counter[str] = collections.Counter()
    answered = 0
    began = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        asked = pool.map(
            lambda _: _asked(address, context, sources, request or REQUEST),
            range(number),
        )
        for what in asked:
            if what is None:
                answered += 1
            else:
                befell[what] += 1
    return Load(answered=answered, lost=befell, seconds=time.monotonic() - began)


def _asked(
    address: Address, context: ssl.SSLContext | None, sources: _Sources, request: bytes
) -> str | None:
    """What befell one connection; None if it was answered rightly."""
    for source in sources:
        try:
            answer = ask(address, context, source=source, request=request)
        except OSError as error:
            # Somebody else has this very port; nothing was sent from it.
            if error.errno != errno.EADDRINUSE:
                return repr(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is counted
            return repr(error)
        else:
            seen = answer.client
            return None if seen == answer.local == source else f"{seen} for {source}"
    raise AssertionError("more connections than ports")
