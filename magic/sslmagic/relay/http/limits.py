"""What an HTTP virtual server allows beyond the rest, in the vendor's words."""

from __future__ import annotations

import dataclasses

from sslmagic.errors import ConfigurationError
from sslmagic.relay.http.head import LONGEST_HEAD

__all__ = ["HttpLimits"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class HttpLimits:
    """Timeouts in seconds, where 0 is for ever, and sizes in octets.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    keepalive_timeout: float = 10.0
    """For a client's next request to begin. Its head must be whole in `connect_timeout`
    after that."""
    max_reply_time: float = 30.0
    """For a node's first octet, once the request is whole."""
    longest_head: int = LONGEST_HEAD
    """A request's line and header fields: 1024 to 1048576."""

    def __post_init__(self) -> None:
        for name in ("keepalive_timeout", "max_reply_time"):
            value = getattr(self, name)
            if not value >= 0:
                raise ConfigurationError(f"{name} is {value}, less than 0")
        if not 1024 <= self.longest_head <= 1048576:
            raise ConfigurationError(
                f"longest_head is {self.longest_head}, not 1024 to 1048576"
            )
