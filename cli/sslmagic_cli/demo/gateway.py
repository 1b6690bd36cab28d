"""`magic gateway`, run as anybody runs it: a process of its own."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self

from sslmagic import Endpoint
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["Gateway"]

_READY = 15.0
"""Seconds that it may take to start on a machine that is busy."""
_END = 10.0
"""Seconds that it may take to end."""


class Gateway:
    """A gateway in front of *node*, started at once and awaited when it is needed."""

    def __init__(self, node: Endpoint, *options: str) -> None:
        self.arguments = ["gateway", "--listen", "127.0.0.1:0", "--node", str(node)]
        self.arguments += ["--workers", "1", *options]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sslmagic_cli", *self.arguments],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        self._address: Endpoint | None = None

    @property
    def address(self) -> Endpoint:
        """Where it listens, once it does.

        Raises:
            CommandError: it did not come up.
        """
        deadline = time.monotonic() + _READY
        said: list[str] = []
        while self._address is None:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                why = " ".join(said) or "it said nothing"
                raise CommandError(
                    f"magic gateway is not ready: {why}", Exit.UNAVAILABLE
                )
            said.append(line.strip())
            word, _, address = line.partition(" ")
            if word == "ready":
                self._address = Endpoint.parse(address.strip())
        return self._address

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join()

    def _read(self) -> None:
        # Read to its end, so that a gateway that logs much never waits for us.
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)
