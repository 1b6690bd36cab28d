"""Journal: the lines that say why connections were refused, no more than one can read.

Whoever connects decides what happens here, so that lines are few whatever he does, and
nothing he sent reaches the log unescaped.
"""

from __future__ import annotations

import codecs
import logging

from sslmagic.reception import Refused

__all__ = ["LOGGER", "Journal"]

LOGGER = logging.getLogger("sslmagic")

# Found now, because a codec is a file that is read on first use: the first line may be
# due when no descriptor is left to read it with.
_escape = codecs.getencoder("unicode_escape")


class Journal:
    """Writes at most `lines` warnings in a period, and counts the rest.

    Args:
        lines: how many lines a period has; enough to see what is wrong.
        period: seconds.
    """

    __slots__ = ("_ends", "_left", "_lines", "_period", "_unsaid")

    def __init__(self, *, lines: int = 10, period: float = 10.0) -> None:
        self._lines = lines
        self._period = period
        self._left = lines
        self._ends = 0.0
        self._unsaid = 0

    def refused(self, refused: Refused, now: float) -> None:
        """Say that a connection was refused, and why."""
        self.request(refused.peer, refused.reason, refused.detail, now)

    def request(self, peer: object, reason: str, detail: str, now: float) -> None:
        """Say that a request, or the connection itself, was refused, and why."""
        if self._has_room(now):
            LOGGER.warning("refused %s", _escaped(f"{peer}: {reason}: {detail}"))

    def trouble(self, what: str, now: float) -> None:
        """Say what keeps us from working; *what* holds no octet of a peer's."""
        if self._has_room(now):
            LOGGER.warning("%s", what)

    def _has_room(self, now: float) -> bool:
        if now >= self._ends:
            if self._unsaid:
                LOGGER.warning("%d more lines like these left out", self._unsaid)
            self._left, self._unsaid, self._ends = self._lines, 0, now + self._period
        if self._left == 0:
            self._unsaid += 1
            return False
        self._left -= 1
        return True


def _escaped(text: str) -> str:
    return _escape(text)[0].decode("ascii")
