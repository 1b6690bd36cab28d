"""What happened to connections, counted by reason in memory that all workers share.

One row of unsigned 64-bit numbers per worker: only that worker writes it, anybody may
read, and a worker that was killed takes nothing with it.
"""

from __future__ import annotations

import mmap
from http import HTTPStatus
from typing import Final

from sslmagic.errors import Reason

__all__ = [
    "ABORTED",
    "ACCEPTED",
    "ANSWERED",
    "CLIENT_RESET",
    "CLOSED",
    "CONNECT_FAILED",
    "CONNECT_TIMEOUT",
    "COUNTS",
    "DESCRIPTORS",
    "DURATION",
    "EMPTY",
    "FAULTS",
    "FULL",
    "IDLE",
    "JOINED",
    "KEEPALIVE_TIMEOUT",
    "NODE_FAILED",
    "NODE_RESET",
    "OCTETS_DOWN",
    "OCTETS_UP",
    "REFUSED",
    "REQUESTS",
    "Counters",
]

_ENDS: Final = (
    "accepted",  # by this virtual server
    "joined",  # connected to a node
    "closed",  # both directions ended in order
    "empty",  # the client ended before it sent anything
    "connect_timeout",  # the client's first octets did not come in time
    "keepalive_timeout",  # an HTTP client's next request did not
    "client_reset",
    "node_reset",
    "idle",  # nothing came from either side for the time allowed
    "duration",  # max_transaction_duration is over
    "connect_failed",  # no node answered
    "aborted",  # still open when the grace was over
    "node_failed",  # one attempt at one node
    "full",  # times that accepting paused at the limit of connections
    "descriptors",  # times that the process or the system had no more of them
    "faults",  # of ours
    "requests",  # of HTTP, passed on to a node
    "octets_up",
    "octets_down",
)

_ANSWERS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.NOT_IMPLEMENTED,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
)
"""What an HTTP client is answered in place of a node."""

COUNTS: Final = (
    *_ENDS,
    *(f"refused_{reason}" for reason in Reason),
    *(f"answered_{status.value}" for status in _ANSWERS),
)
"""The name of each number in a row."""

(
    ACCEPTED,
    JOINED,
    CLOSED,
    EMPTY,
    CONNECT_TIMEOUT,
    KEEPALIVE_TIMEOUT,
    CLIENT_RESET,
    NODE_RESET,
    IDLE,
    DURATION,
    CONNECT_FAILED,
    ABORTED,
    NODE_FAILED,
    FULL,
    DESCRIPTORS,
    FAULTS,
    REQUESTS,
    OCTETS_UP,
    OCTETS_DOWN,
) = range(len(_ENDS))

REFUSED: Final = {reason: len(_ENDS) + n for n, reason in enumerate(Reason)}
"""Where each reason of a refusal is counted."""

ANSWERED: Final = {
    status: len(_ENDS) + len(REFUSED) + n for n, status in enumerate(_ANSWERS)
}
"""Where each answer of ours is counted."""


class Counters:
    """The numbers of every worker.

    Args:
        workers: how many rows there are.
    """

    def __init__(self, workers: int) -> None:
        octets = mmap.mmap(-1, workers * len(COUNTS) * 8)
        self._rows = memoryview(octets).cast("Q", (workers, len(COUNTS)))
        self._flat = memoryview(octets).cast("Q")
        self._workers = workers

    def row(self, worker: int) -> memoryview[int]:
        """Return what *worker* counts in, by the indexes above."""
        start = worker * len(COUNTS)
        return self._flat[start : start + len(COUNTS)]

    def total(self) -> dict[str, int]:
        """Return the sum over all workers, by name."""
        rows = [self.row(worker) for worker in range(self._workers)]
        return {name: sum(row[n] for row in rows) for n, name in enumerate(COUNTS)}

    def line(self) -> str:
        """Return what is not 0 as ``name=number`` words."""
        total = self.total()
        return " ".join(f"{name}={number}" for name, number in total.items() if number)
