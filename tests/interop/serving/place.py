"""Where and how one server under test listens, as it travels to its process."""

from __future__ import annotations

import dataclasses
import json
import ssl
from typing import Any, Self

from sslmagic import Trust

__all__ = ["Place"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a variant is told."""

    host: str = "127.0.0.1"
    port: int = 0
    uds: str | None = None
    """The path of a UNIX socket instead of host and port."""
    certificate: str | None = None
    """The server's chain, for TLS of its own; None in clear."""
    key: str | None = None
    peers: tuple[str, ...] = ("127.0.0.1", "::1", "unix")
    direct: tuple[str, ...] = ()
    others: str = "refuse"
    formats: tuple[str, ...] = ("magic",)
    local: str = "unnamed"
    direct_listen: tuple[str, ...] = ()
    deadline: float = 5.0
    waiting: int = 4096

    @property
    def trust(self) -> Trust:
        return Trust(
            self.peers,
            self.direct,
            self.others,  # type: ignore[arg-type]
            self.formats,
            local=self.local,  # type: ignore[arg-type]
        )

    @property
    def entrance(self) -> dict[str, Any]:
        """What every `run` of `sslmagic.servers` takes."""
        return {
            "trust": self.trust,
            "direct_listen": self.direct_listen,
            "deadline": self.deadline,
            "waiting": self.waiting,
        }

    def context(self) -> ssl.SSLContext | None:
        """The server's context, for servers that take one."""
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def of(cls, text: str) -> Self:
        read = json.loads(text)
        lists = {name: tuple(v) for name, v in read.items() if isinstance(v, list)}
        return cls(**{**read, **lists})
