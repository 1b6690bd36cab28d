"""Alarm: a descriptor that becomes readable at a time, the kernel's timerfd.

A listening socket that is watched through its descriptor needs one for its deadlines:
select, epoll and event loops know no other way of being woken by it.
"""

from __future__ import annotations

import os
import sys
import weakref

__all__ = ["Alarm"]

_MONOTONIC = 1
_ABSOLUTE = 1
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_SECOND = 1_000_000_000


class Alarm:
    """Readable from the time it is set to until it is set anew."""

    __slots__ = ("__weakref__", "_close", "_descriptor", "time")

    time: float | None
    """When it rings, in seconds of `time.monotonic`; None for never."""

    def __init__(self) -> None:
        self._descriptor = _create()
        self.time = None
        self._close = weakref.finalize(self, os.close, self._descriptor)

    def fileno(self) -> int:
        """Return the descriptor to watch for reading."""
        return self._descriptor

    def ring_at(self, time: float | None) -> None:
        """Ring at *time*, at once if it has passed, or never if it is None."""
        self.time = time
        # Zero would mean never, and a negative time is none.
        _set(self._descriptor, 0 if time is None else max(1, int(time * _SECOND)))

    def close(self) -> None:
        """Give the descriptor back; may be called again."""
        self._close()


if sys.version_info >= (3, 13):

    def _create() -> int:
        return os.timerfd_create(_MONOTONIC, flags=_FLAGS)

    def _set(descriptor: int, nanoseconds: int) -> None:
        os.timerfd_settime_ns(descriptor, flags=_ABSOLUTE, initial=nanoseconds)

else:
    import ctypes

    class _Timer(ctypes.Structure):
        """The C library's struct itimerspec, whose times are as wide as a long."""

        _fields_ = (
            ("interval_seconds", ctypes.c_long),
            ("interval_nanoseconds", ctypes.c_long),
            ("seconds", ctypes.c_long),
            ("nanoseconds", ctypes.c_long),
        )

    _LIBRARY = ctypes.CDLL(None, use_errno=True)
    _LIBRARY.timerfd_create.argtypes = (ctypes.c_int, ctypes.c_int)
    _LIBRARY.timerfd_settime.argtypes = (
        ctypes.c_int,
        ctypes.c_int,
        ctypes.POINTER(_Timer),
        ctypes.POINTER(_Timer),
    )

    def _create() -> int:
        return _checked(_LIBRARY.timerfd_create(_MONOTONIC, _FLAGS))

    def _set(descriptor: int, nanoseconds: int) -> None:
        timer = _Timer(0, 0, *divmod(nanoseconds, _SECOND))
        _checked(_LIBRARY.timerfd_settime(descriptor, _ABSOLUTE, timer, None))

    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
