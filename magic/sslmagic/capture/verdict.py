"""What can be said of a connection in a capture, and what to do about it.

A verdict is one of the reasons for which a receiver refuses, by the same name, or one
that only somebody who looks from outside can give.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

from sslmagic.errors import Reason

__all__ = ["FINE", "MEANINGS", "Meaning", "Verdict"]


class Verdict(enum.StrEnum):
    """How the front of a connection was judged; the values are stable."""

    OK = "ok"
    LOCAL = "local"
    DIRECT = "direct"
    MISSING = "missing"
    LATE = "late"
    NESTED = "nested"
    HELLO = "hello"
    SILENT = "silent"
    WAITING = "waiting"
    UNSEEN = "unseen"

    FORMAT = "format"
    VERSION = "version"
    COMMAND = "command"
    FAMILY = "family"
    LENGTH = "length"
    OVERSIZE = "oversize"
    LINE = "line"
    ADDRESS = "address"
    TLV = "tlv"
    CHECKSUM = "checksum"
    PROFILE = "profile"
    TRUNCATED = "truncated"
    PEER = "peer"
    SOURCE = "source"
    TRANSPORT = "transport"
    PROOF = "proof"
    TIMEOUT = "timeout"
    RESET = "reset"

    @classmethod
    def of(cls, reason: Reason) -> Verdict:
        """Return the verdict on a connection that was refused for *reason*."""
        return cls(reason.value)


FINE: Final = frozenset({Verdict.OK, Verdict.LOCAL, Verdict.DIRECT})
"""The verdicts that are no faults."""


class Meaning(NamedTuple):
    """A verdict for people."""

    says: str
    """What it means, in one sentence."""
    do: str
    """What to do where it comes as a surprise; empty where nothing is to be done."""


_SENDER: Final = "Find the sender that writes this: the octets are shown"

MEANINGS: Final[Mapping[Verdict, Meaning]] = {
    Verdict.OK: Meaning("A preamble names the client.", ""),
    Verdict.LOCAL: Meaning(
        "A preamble names nobody: the sender speaks for itself.",
        "Nothing, if it is the sender's health check. If clients are lost so, it"
        " does not know them: it listens on a UNIX socket, or says UNKNOWN.",
    ),
    Verdict.DIRECT: Meaning(
        "The peer is a client itself, by --direct or --others; none of its octets is"
        " read as a preamble.",
        "",
    ),
    Verdict.MISSING: Meaning(
        "There is no preamble at the front, but something else.",
        "Turn it on at the sender (ssl_enhance, --enhance, send-proxy), or the peer"
        " is no sender: --direct. On the way from client to gateway it is as it must"
        " be.",
    ),
    Verdict.LATE: Meaning(
        "TLS began, and a preamble follows its ClientHello.",
        "The sender must write the preamble before anything else: it is put in behind"
        " whoever reads or routes TLS.",
    ),
    Verdict.NESTED: Meaning(
        "What follows the preamble is another preamble.",
        "Two senders in a row, of which the first is the client's side: let the second"
        " one read the preamble of the first, or turn one off. If the first is no"
        " machine of yours, it is an attempt to choose an address.",
    ),
    Verdict.HELLO: Meaning(
        "What should be a TLS ClientHello is none.",
        "Look at what the client speaks: a plaintext client, or one that is broken.",
    ),
    Verdict.SILENT: Meaning(
        "The peer sent nothing at all.",
        "A port check or a scanner, mostly. A client that waits for the server to"
        " speak first cannot work here, unless the sender writes at once.",
    ),
    Verdict.WAITING: Meaning(
        "The capture ends, and the preamble had time left to come.",
        "Capture for longer.",
    ),
    Verdict.UNSEEN: Meaning(
        "Octets that decide were sent, and the capture lacks them.",
        "Capture whole packets (-s 0) and more memory for the capture (-B), begin"
        " before the connection does, and use a machine that drops none.",
    ),
    Verdict.FORMAT: Meaning(
        "A preamble, and not of a format that is accepted here; or its signature is"
        " damaged.",
        "Let the sender write what the node accepts (--enhance here, --accept there).",
    ),
    Verdict.VERSION: Meaning(
        "A version of the format that is not known.", f"{_SENDER}."
    ),
    Verdict.COMMAND: Meaning("Neither PROXY nor LOCAL.", f"{_SENDER}."),
    Verdict.FAMILY: Meaning(
        "An address family or transport that has no place here.", f"{_SENDER}."
    ),
    Verdict.LENGTH: Meaning(
        "A length that does not hold what must be in it.", f"{_SENDER}."
    ),
    Verdict.OVERSIZE: Meaning(
        "A preamble longer than the limit.",
        "If it is what the sender means (a certificate in a TLV, say), send fewer"
        " TLVs or raise the receiver's limit; --limit here.",
    ),
    Verdict.LINE: Meaning(
        "A PROXY v1 line that breaks the syntax of its fields.", f"{_SENDER}."
    ),
    Verdict.ADDRESS: Meaning(
        "An address or port that cannot be a client's.", f"{_SENDER}."
    ),
    Verdict.TLV: Meaning(
        "A TLV that overruns, repeats, is misplaced or holds a wrong value.",
        f"{_SENDER}.",
    ),
    Verdict.CHECKSUM: Meaning(
        "The CRC32C does not match the octets.",
        "Somebody between sender and here changed the preamble, or the sender counts"
        " wrongly.",
    ),
    Verdict.PROFILE: Meaning("A proof block that is not defined.", f"{_SENDER}."),
    Verdict.TRUNCATED: Meaning(
        "The stream ended inside the preamble.",
        "The sender gave up or was stopped: look at its log at this time.",
    ),
    Verdict.PEER: Meaning(
        "This peer may not connect, by --trust and --others.",
        "If it is a sender of yours, name it (--trust); if not, it is a stranger.",
    ),
    Verdict.SOURCE: Meaning(
        "The preamble claims a client that this peer may not claim.",
        "A loopback or UNIX client from a machine elsewhere: the sender's own check,"
        " or somebody who tries to pass for the node itself.",
    ),
    Verdict.TRANSPORT: Meaning(
        "A preamble of datagrams in front of a stream.", f"{_SENDER}."
    ),
    Verdict.PROOF: Meaning(
        "The proof is missing, wrong or not supported.",
        "Look at keys, clocks and audience of both sides. With --unsigned it is judged"
        " as a receiver without keys does, which refuses every proof.",
    ),
    Verdict.TIMEOUT: Meaning(
        "The preamble was not whole by the deadline.",
        "A slow peer, or a path that loses packets: see what was retransmitted.",
    ),
    Verdict.RESET: Meaning(
        "The connection failed before the preamble was whole.",
        "See who ended it: the listener refused or waits for less time (--deadline),"
        " or the sender gave up.",
    ),
}
"""Every verdict; the table of docs/inspect.md."""
