"""What a loop must do at a time: deadlines of one duration, and single appointments.

Nearly every wait in a relay lasts one of a few durations, so its deadlines fall due in
the order in which they were set: a dict keeps that order, and setting or lifting one
costs a dict operation. Idle connections have no entry here at all; they are swept.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Protocol

__all__ = ["Alarm", "Appointments", "Deadlines", "Waiter"]


class Waiter(Protocol):
    """Whoever waits, and is told when its time is up."""

    def expired(self) -> None:
        """Give up: the deadline has passed."""
        ...


class Alarm:
    """When the loop must look at its queues; early at times, and never late.

    Most rounds of a loop find nothing due, and need not ask every queue to know.
    """

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = math.inf

    def by(self, due: float | None) -> None:
        """Go off at *due* if that is earlier."""
        if due is not None and due < self.at:
            self.at = due


class Deadlines:
    """Those who must be done within the same number of seconds, the oldest first.

    Args:
        seconds: how long each may take; 0 means for ever.
        alarm: is told of the first one.
    """

    __slots__ = ("_alarm", "_due", "seconds")

    def __init__(self, seconds: float, alarm: Alarm) -> None:
        self.seconds = seconds
        self._alarm = alarm
        self._due: dict[Waiter, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, waiter: Waiter) -> bool:
        return waiter in self._due

    def add(self, waiter: Waiter, now: float) -> None:
        """Start the time of *waiter* at *now*."""
        if self.seconds:
            self._due[waiter] = due = now + self.seconds
            self._alarm.by(due)

    def discard(self, waiter: Waiter) -> None:
        """Lift the deadline of *waiter*, if it has one."""
        self._due.pop(waiter, None)

    @property
    def next(self) -> float | None:
        """When the oldest deadline falls due."""
        for due in self._due.values():
            return due
        return None

    def run(self, now: float) -> None:
        """Tell everyone whose time is up."""
        while self._due:
            waiter = next(iter(self._due))
            if self._due[waiter] > now:
                return
            del self._due[waiter]
            waiter.expired()


class Appointments:
    """Actions that are to be called at a time of their own.

    Args:
        alarm: is told of every one.
    """

    __slots__ = ("_alarm", "_heap", "_order")

    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def add(self, due: float, action: Callable[[], None]) -> None:
        """Have *action* called once at *due*; it must bear being called for nothing."""
        heapq.heappush(self._heap, (due, next(self._order), action))
        self._alarm.by(due)

    @property
    def next(self) -> float | None:
        """When the earliest action is due."""
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Call every action that is due."""
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2]()
