"""How long and how much a virtual server allows, in the vendor's words and defaults."""

from __future__ import annotations

import dataclasses

from sslmagic.errors import ConfigurationError

__all__ = ["Limits"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Timeouts in seconds and sizes in octets; 0 turns a limit off where it says so.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    connect_timeout: float = 10.0
    """For a client's first octets to be there and understood; 0 is for ever."""
    timeout: float = 300.0
    """Without an octet in either direction, before a connection ends; 0 is for ever,
    or until the kernel finds a peer of TCP to have vanished."""
    max_transaction_duration: float = 0.0
    """From a client's first octets to the end, whatever happens; 0 is for ever."""
    max_connect_time: float = 4.0
    """For one node to answer, before the next one is tried; more than 0."""
    max_connection_attempts: int = 0
    """Nodes tried for one client; 0 is every node once."""
    max_client_buffer: int = 65536
    """Read from a client and not yet taken by its node: 1024 to 16777216."""
    max_server_buffer: int = 65536
    """Read from a node and not yet taken by its client: 1024 to 16777216."""
    max_concurrent_connections: int = 0
    """Clients served at a time, all workers together; 0 is as many as descriptors."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not value >= 0:
                raise ConfigurationError(f"{field.name} is {value}, less than 0")
        if not self.max_connect_time:
            raise ConfigurationError("max_connect_time is 0: no node could answer")
        for name in ("max_client_buffer", "max_server_buffer"):
            value = getattr(self, name)
            if not 1024 <= value <= 16777216:
                raise ConfigurationError(f"{name} is {value}, not 1024 to 16777216")

    @property
    def sweep(self) -> float:
        """Seconds between two looks at idle connections: a tenth of what is allowed.

        At most 5, so that a pipe that nobody needs any more is soon given back.
        """
        allowed = [
            limit for limit in (self.timeout, self.max_transaction_duration) if limit
        ]
        return max(0.02, min([5.0, *(limit / 10 for limit in allowed)]))

    def share(self, worker: int, workers: int) -> int | None:
        """Return how many of the concurrent connections are *worker*'s.

        None is no limit. The shares of all workers add up to the limit.
        """
        total = self.max_concurrent_connections
        if not total:
            return None
        return total // workers + (worker < total % workers)
