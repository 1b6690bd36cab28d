"""What the kernel gave, what ours made of it, and what a capture says: all the same."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sslmagic import Endpoint, Trust
from sslmagic.capture.conversation import Conversation
from sslmagic.capture.conversations import conversations
from sslmagic.dissect.capturefile import Packet, write
from sslmagic.errors import Reason
from sslmagic.reception import Accepted, Reception, Refused
from tests.harness.model import is_decided, model
from tests.harness.player import Call
from tests.harness.servers import Receiver, Stream

__all__ = ["Difference", "Report", "captured", "compare", "compare_counters", "relayed"]

_ALL = 1 << 30
Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two that should say the same and do not."""

    what: str
    call: Call
    expected: object
    found: object

    def __str__(self) -> str:
        beside = _beside(self.expected, self.found)
        return f"{self.what}: {beside}\n{self.call}"


def _beside(expected: object, found: object) -> str:
    """What differs: of octets the place, since they are long."""
    if not (isinstance(expected, bytes) and isinstance(found, bytes)):
        return f"expected {expected!r}, found {found!r}"
    pairs = enumerate(zip(expected, found, strict=False))
    place = next((at for at, (one, other) in pairs if one != other), None)
    at = min(len(expected), len(found)) if place is None else place
    return (
        f"{len(expected)} octets expected, {len(found)} found, the same up to {at}:"
        f" {expected[at : at + 8].hex()}, {found[at : at + 8].hex()}"
    )


@dataclass(slots=True, kw_only=True)
class Report:
    """What was compared."""

    compared: int = 0
    outcomes: Counter[str] = field(default_factory=Counter[str])
    """How many of each: `accepted`, or the reason of a refusal."""
    undecided: int = 0
    """Conversations whose stream no capture tells: see `tests.harness.model`."""
    differences: list[Difference] = field(default_factory=list[Difference])

    def add(self, other: Report) -> None:
        """Take in what another one has."""
        self.compared += other.compared
        self.undecided += other.undecided
        self.outcomes += other.outcomes
        self.differences += other.differences

    def differs(self, what: str, call: Call, expected: object, found: object) -> None:
        """Note that these are not the same."""
        self.differences.append(
            Difference(what=what, call=call, expected=expected, found=found)
        )


def relayed(octets: bytes, trust: Trust, peer: str) -> tuple[object, bytes] | None:
    """Return the client that a relay names for a stream, and what it passes on.

    None if it refuses. Whether another preamble may follow is the relay's business.
    """
    outcome, rest = received(octets, trust, Endpoint(peer, 0))
    if not isinstance(outcome, Accepted):
        return None
    assert outcome.preamble is not None
    return outcome.preamble.source, rest


def received(
    octets: bytes, trust: Trust, peer: Endpoint
) -> tuple[Accepted | Refused, bytes]:
    """Return what a receiver decides on a whole stream, and what is left of it."""
    reception = Reception(trust, peer, 0.0)
    outcome = reception.feed(octets, 0.0) or reception.close(0.0)
    return outcome, reception.rest


def captured(packets: Iterable[Packet]) -> dict[Key, Conversation]:
    """Write the packets to a capture, and return what our reader finds in it."""
    file = io.BytesIO()
    write(file, packets, link=1, interface="harness")
    file.seek(0)
    found: dict[Key, Conversation] = {}
    for one in conversations([file], wanted=lambda _: _ALL, workers=1):
        version = 6 if ":" in one.peer.host else 4
        key = version, one.peer.port, one.listener.port
        assert key not in found, f"{key} is two conversations"
        found[key] = one
    return found


def compare(
    recorded: tuple[Call, Stream | None],
    ours: tuple[Call, Stream | None],
    *,
    trust: Trust,
    peer: str,
    capture: dict[Key, Conversation] | None,
    report: Report,
) -> None:
    """Compare the two calls of a script: to the plain server, and to one of ours."""
    call, stream = recorded
    octets = b"" if stream is None else bytes(stream.octets)
    report.compared += 1
    if not is_decided(call.script):
        report.undecided += 1
    elif capture is not None:
        _compare_capture(call, octets, capture, report)
    outcome, rest = received(octets, trust, Endpoint(peer, ours[0].ports[0]))
    accepted = isinstance(outcome, Accepted)
    said = "accepted" if isinstance(outcome, Accepted) else str(outcome.reason)
    report.outcomes[said] += 1
    found = ours[1]
    resets = call.script.resets
    if found is None:
        if accepted and not (resets and ours[0].reset):
            report.differs("a preamble was refused", ours[0], outcome, None)
        return
    if not isinstance(outcome, Accepted):
        report.differs("a preamble was believed", ours[0], outcome, found)
        return
    assert found.client is not None
    if found.client.preamble != outcome.preamble:
        report.differs("preambles", ours[0], outcome.preamble, found.client.preamble)
    got = bytes(found.octets)
    if got != rest and not (resets and rest.startswith(got)):
        report.differs("what follows", ours[0], rest, got)


def _compare_capture(
    call: Call, octets: bytes, capture: dict[Key, Conversation], report: Report
) -> None:
    by_rule = model(call.script)
    if by_rule != octets:
        report.differs("the model", call, octets, by_rule)
    seen = capture.get((call.version, *call.ports))
    if seen is None:
        report.differs("no conversation in the capture", call, octets, None)
    elif seen.sent.octets != octets:
        report.differs("the capture", call, octets, seen.sent.octets)


def compare_counters(receiver: Receiver, report: Report) -> None:
    """Compare the reasons that a listener counted with those of the kernel's streams.

    A RST that comes while the preamble is awaited may be counted instead of it.
    """
    assert receiver.counters is not None
    counted = Counter(
        {str(reason): n for reason, n in receiver.counters.refused.items() if n}
    )
    counted["accepted"] = receiver.counters.accepted
    resets = counted.pop(str(Reason.RESET), 0)
    missing = report.outcomes - counted
    assert sum(missing.values()) <= resets, (counted, report.outcomes)
    assert counted - report.outcomes == Counter(), (counted, report.outcomes)
