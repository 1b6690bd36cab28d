"""A relay as its command runs it, in processes of its own."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator


class Relay:
    """A running `magic gateway` or `magic node`."""

    def __init__(self, process: subprocess.Popen[str], listeners: int) -> None:
        self.process = process
        assert process.stderr is not None
        self._stderr = process.stderr
        lines = [self._stderr.readline() for _ in range(listeners)]
        assert all(line.startswith("ready ") for line in lines), lines
        self.addresses = [line.removeprefix("ready ").strip() for line in lines]

    @property
    def name(self) -> tuple[str, int]:
        """Where the first listener can be reached from this machine."""
        host, _, port = self.addresses[0].rpartition(":")
        return host.strip("[]"), int(port)

    def end(self) -> tuple[int, str]:
        """Tell it to end; return the exit code and what it said."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        return code, self._stderr.read()


@contextlib.contextmanager
def relay(*arguments: str) -> Iterator[Relay]:
    """Run a command that relays, until the block is left."""
    with subprocess.Popen(
        [sys.executable, "-m", "sslmagic_cli", *arguments],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Relay(process, arguments.count("--listen"))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                finally:
                    process.kill()
