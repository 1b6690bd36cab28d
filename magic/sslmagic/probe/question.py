"""One question: the octets that go out on one connection, and how long to listen."""

from __future__ import annotations

import dataclasses
import enum

__all__ = ["Question", "Then", "octets", "split"]


class Then(enum.StrEnum):
    """What follows the preamble, or comes first where there is none."""

    TLS = "tls"
    """A ClientHello, and a request within TLS."""
    HTTP = "http"
    """A request in clear."""
    NOTHING = "nothing"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is sent on one connection."""

    name: str
    """The format, if there is one, and the trial: `proxy2 nested`."""
    words: str
    """What is sent, in words."""
    pieces: tuple[bytes, ...] = ()
    """The preamble, as it is cut; what follows goes out with the last of them."""
    then: Then = Then.TLS
    inside: bytes = b""
    """A preamble within TLS, before the request."""
    delay: float = 0.0
    """Seconds before the first octet."""
    between: float = 0.0
    """Seconds between two pieces."""
    patience: float = 3.0
    """Seconds to listen for an answer."""
    to_the_end: bool = False
    """Whether to listen on after an answer, until the listener ends the connection."""

    @property
    def preamble(self) -> bytes:
        """The octets of all pieces, or those within TLS."""
        return b"".join(self.pieces) or self.inside


def split(preamble: bytes) -> tuple[bytes, ...]:
    """Return it in two pieces of the same length."""
    half = len(preamble) // 2
    return preamble[:half], preamble[half:]


def octets(preamble: bytes) -> tuple[bytes, ...]:
    """Return it octet by octet."""
    return tuple(preamble[at : at + 1] for at in range(len(preamble)))
