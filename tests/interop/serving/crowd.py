"""A crowd that connects to a server and says nothing, and a good client meanwhile.

The good client asks two servers in turn, one beside the crowd and one without, so that
whatever else this machine does befalls both.
"""

from __future__ import annotations

import dataclasses
import resource
import select
import socket
import ssl
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks.gateway.processes import Server as Measured
from tests.interop.authority import Authority
from tests.interop.client import REQUEST, ask
from tests.interop.peers import Address, Process
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Server, Variant, serving
from tests.sslmagic.receiving import OCTETS, PATIENCE

__all__ = ["Crowd", "address_of", "crowd"]

ROUND = 100
"""Questions to each server, of which the second slowest is the 99th percentile."""
WARM = 50
"""Questions before anything is measured: what a server makes once is there then."""
SLOWER = 1.5
"""How many times as long a good client may wait for its answer."""
TRIES = 3
"""Crowds, one after another, of which all rounds count: on a machine that is busy one
crowd is there for two or three rounds only, whose median is no better than they."""
EARLY, LATE = 0.1, 0.5
"""Seconds before and after the deadline in which the silent ones may be ended."""
LEFT = 2048
"""Octets of memory that each of a crowd may leave: allocators keep some for the next
one, and a second crowd takes no more."""
_INSTANT = 5
"""Milliseconds in which the kernel connects two of its own, if it does so at all."""
_ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What became of a crowd, and what it did to others."""

    number: int
    """Of all that came."""
    first: float
    """Seconds that the first one had before the server ended it."""
    last: float
    """Seconds that the one had to which most were given."""
    rounds: tuple[tuple[float, float], ...]
    """99th percentiles of a good client's seconds, without the crowd and beside it."""
    timeouts: int
    """As the server's own counters say."""
    memory: int
    """Octets more than before, once all are gone. What the same questions made the
    other server grow is taken off: that was not the crowd."""

    @property
    def ratio(self) -> float:
        """How much slower the good client was: the median of the rounds.

        One or two of a hundred questions are above their 99th percentile, so that one
        hiccup of the machine decides it. The median takes one in half of the rounds.
        """
        return _ratio(self.rounds)

    def faults(self, *, deadline: float) -> list[str]:
        """What is not as it must be."""
        limits = {
            f"a good client is {self.ratio:.2f} times as slow": self.ratio > SLOWER,
            f"one was ended after {self.first:.2f} s": self.first < deadline - EARLY,
            f"one was there for {self.last:.2f} s": self.last > deadline + LATE,
            f"{self.timeouts} timeouts were counted": self.timeouts != self.number,
            f"{self.memory / self.number:.0f} octets of each one are left": self.memory
            > self.number * LEFT,
        }
        return [fault for fault, is_one in limits.items() if is_one]


def crowd(
    variant: Variant,
    *,
    number: int,
    deadline: float,
    directory: Path,
    authority: Authority,
) -> Crowd:
    """Runs a server with so many silent connections until all are gone.

    Where a good client was slower than it may be, another crowd comes, and a third.

    Raises:
        AssertionError: some stay, or their descriptors do.
    """
    tls = authority if variant.tls else None
    place = Place(deadline=deadline)
    with (
        serving(variant, place, directory=directory, authority=tls) as one,
        serving(variant, place, directory=directory, authority=tls) as other,
    ):
        client = _GoodClient(variant, authority.client() if variant.tls else None)
        for _ in range(WARM):
            client.seconds(one)
            client.seconds(other)
        before, beside = _Size.of(one.process), _Size.of(other.process)
        rounds: list[tuple[float, float]] = []
        lasted: list[float] = []
        while not rounds or (_ratio(rounds) > SLOWER and len(lasted) < TRIES * number):
            silent = _Silent(one, number)
            pairs: list[tuple[float, float]] = []
            while silent.left:
                pairs.append((client.seconds(other), client.seconds(one)))
                silent.gather()
            rounds += _rounds(pairs)
            lasted += silent.lasted
            silent.close()
        counters = client.counters(one)
        one.process.until(
            lambda: _Size.of(one.process).descriptors <= before.descriptors,
            "closed what it had opened",
        )
        grown = _Size.of(one.process).memory - before.memory
        beside_grown = _Size.of(other.process).memory - beside.memory
    return Crowd(
        number=len(lasted),
        first=min(lasted),
        last=max(lasted),
        rounds=tuple(rounds),
        timeouts=counters.get("refused_timeout", 0),
        memory=grown - max(0, beside_grown),
    )


class _GoodClient:
    def __init__(self, variant: Variant, context: ssl.SSLContext | None) -> None:
        self._request = variant.request or REQUEST
        self._context = context

    def seconds(self, server: Server) -> float:
        began = time.perf_counter()
        self._ask(server)
        return time.perf_counter() - began

    def counters(self, server: Server) -> dict[str, int]:
        """Those of the listener that has them all, asked on one more connection."""
        (counted,) = self._ask(server)["counters"]
        counters: dict[str, int] = counted
        return counters

    def _ask(self, server: Server) -> dict[str, Any]:
        address, context = address_of(server), self._context
        answer = ask(address, context, before=OCTETS, request=self._request)
        return answer.body


class _Silent:
    """Connections that say nothing."""

    def __init__(self, server: Server, number: int) -> None:
        self._address = address_of(server)
        self._epoll = select.epoll()
        self._there: dict[int, tuple[socket.socket, float]] = {}
        self.lasted: list[float] = []
        """Seconds after which each one was ended."""
        for _ in range(number):
            server.process.until(self._is_another_there, "accepted a crowd")

    @property
    def left(self) -> int:
        return len(self._there)

    def close(self) -> None:
        self._epoll.close()

    def gather(self) -> None:
        """Sees which have been ended."""
        events = self._epoll.poll(0, max(1, self.left))
        now = time.monotonic()
        for descriptor, _ in events:
            stream, began = self._there.pop(descriptor)
            self._epoll.unregister(descriptor)
            self.lasted.append(now - began)
            stream.close()
        oldest = next(iter(self._there.values()), None)
        assert oldest is None or now - oldest[1] < PATIENCE, "not ended"

    def _is_another_there(self) -> bool:
        stream = socket.socket()
        stream.setblocking(False)
        began = time.monotonic()
        stream.connect_ex(self._address)
        connected = select.poll()
        connected.register(stream, select.POLLOUT)
        if not connected.poll(_INSTANT):
            # The kernel's queue is full, and dropped it. It would ask again after a
            # second; another connection need not wait for that.
            stream.close()
            return False
        self._epoll.register(stream, _ENDED)
        self._there[stream.fileno()] = stream, began
        return True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    descriptors: int
    memory: int

    @classmethod
    def of(cls, process: Process) -> Self:
        measured = Measured(pid=process.pid, host="", port=0)
        # Resident, not proportional: to collect garbage a forked worker writes to pages
        # that it shared with its parent, and then each has its own.
        resident = (
            int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            for pid in measured.pids
        )
        memory = sum(resident) * resource.getpagesize()
        return cls(descriptors=measured.descriptors, memory=memory)


def address_of(server: Server) -> Address:
    """Where a server on TCP listens."""
    assert isinstance(server.address, tuple)
    return server.address


def _ratio(rounds: Sequence[tuple[float, float]]) -> float:
    return statistics.median(beside / without for without, beside in rounds)


def _rounds(pairs: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    last = max(1, len(pairs) - ROUND + 1)
    rounds = (pairs[start : start + ROUND] for start in range(0, last, ROUND))
    return tuple(
        (_percentile(without for without, _ in one), _percentile(b for _, b in one))
        for one in rounds
    )


def _percentile(seconds: Iterable[float]) -> float:
    ordered = sorted(seconds)
    return ordered[int(0.99 * (len(ordered) - 1))]
