"""A relay in processes of its own, as the commands run it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sslmagic.relay.address import Address
from tests.sslmagic.relay.harness import PATIENCE

_SCRIPT = """
import sys
from sslmagic.preamble import Endpoint
from sslmagic.relay.address import Address
from sslmagic.relay.limits import Limits
from sslmagic.relay.listening import Listening
from sslmagic.relay.sender import Gateway
from sslmagic.relay.supervisor import Supervisor

workers, grace, *nodes = sys.argv[1:]
nodes = [Address.of(Endpoint.parse(node)) for node in nodes]
limits = Limits()
Supervisor(
    [Listening(Address.of(Endpoint("127.0.0.1", 0)))],
    lambda worker: Gateway(
        worker, limits, nodes, protocol="client_first", enhance="none"
    ),
    workers=int(workers),
    grace=float(grace),
    sweep=limits.sweep,
).run(lambda ready: print("ready", ready, file=sys.stderr, flush=True))
"""


class Processes:
    """A supervised gateway that adds nothing, on a port that the kernel chose.

    Args:
        nodes: where to connect.
        workers: how many processes.
        grace: seconds for clients to finish.
        before: statements that its process begins with.
    """

    def __init__(
        self,
        nodes: Sequence[Address],
        *,
        workers: int = 1,
        grace: float = 5.0,
        before: str = "",
    ) -> None:
        arguments = [str(workers), str(grace), *map(str, nodes)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", before + _SCRIPT, *arguments],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        word, address = self.line().split()
        assert word == "ready"
        host, port = address.rsplit(":", 1)
        self.name = (host, int(port))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def line(self) -> str:
        """Return the next line on standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def workers(self) -> list[int]:
        """Return the pids of the worker processes."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in children.split()]

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        os.kill(self.process.pid, number)

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what was left to read."""
        code = self.process.wait(PATIENCE)
        assert self.process.stderr is not None
        return code, self.process.stderr.read()

    def client(self, octets: bytes = b"") -> socket.socket:
        """Return a connection that has sent *octets*."""
        connection = socket.create_connection(self.name, PATIENCE)
        connection.sendall(octets)
        return connection

    def until_refused(self) -> None:
        """Wait until nobody listens any more.

        A connection that the listening socket had begun when it closed is reset.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.client().close()
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue
        raise AssertionError(f"{self.name} still accepts")
