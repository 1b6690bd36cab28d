"""A run of the harness: many scripts, played to a plain server and to ours."""

from __future__ import annotations

import contextlib
import functools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sslmagic import Trust, decode
from sslmagic.wire import FORMATS, signature
from tests.harness.comparison import (
    Report,
    captured,
    compare,
    compare_counters,
    relayed,
)
from tests.harness.content import following, stream, valid
from tests.harness.link import Link
from tests.harness.player import Call, Player
from tests.harness.relays import Relay
from tests.harness.script import Script, shuffled
from tests.harness.servers import Receiver, Stage, listening, recording, streaming

__all__ = ["KINDS", "Ran", "relay", "run"]

KINDS = ("sockets", "streams")
"""The listeners of ours that are played to."""
_BATCH = 2000
"""Scripts whose frames are kept at a time."""
_PATIENCE = 20.0
"""Seconds until all that was sent has been read."""


@dataclass(slots=True, kw_only=True)
class Ran:
    """What a run came to."""

    report: Report = field(default_factory=Report)
    packets: int = 0
    seconds: float = 0.0


def run(link: Link, *, kind: str, number: int, seed: int) -> Ran:
    """Play *number* scripts, half of them over each version of IP.

    Each is played twice: to a plain server, and to a listener of ours.
    """
    ran, began = Ran(), time.monotonic()
    for version, seeds in _batches(number, seed):
        host, peer = link.ours(version), link.routes[version].hosts[0]
        trust = Trust(peers=[peer], formats=FORMATS)
        scripts = [_any(random.Random(one)) for one in seeds]
        stage = Stage()
        with (
            contextlib.closing(stage),
            recording(stage, host) as plain,
            _ours(kind, stage, host, trust) as ours,
        ):
            ports = plain.port, ours.port
            player, calls = _played(link, stage, scripts, ports, version)
            for receiver in (plain, ours):
                _until_done(receiver, len(calls), stage)
        capture = captured(player.packets)
        part = Report()
        for one, other in calls:
            compare(
                (one, plain.streams.get(one.ports[0])),
                (other, ours.streams.get(other.ports[0])),
                trust=trust,
                peer=peer,
                capture=capture,
                report=part,
            )
        compare_counters(ours, part)
        ran.report.add(part)
        ran.packets += len(player.packets)
    ran.seconds = time.monotonic() - began
    return ran


def relay(link: Link, what: Relay, *, number: int, seed: int, home: Path) -> Ran:
    """Play *number* scripts to a plain server and to a relay.

    What arrives behind the relay must be what our decoder makes of the plain streams.
    """
    ran, began = Ran(), time.monotonic()
    for version, seeds in _batches(number, seed):
        host, peer = link.ours(version), link.routes[version].hosts[0]
        trust = Trust(peers=[peer], formats=FORMATS)
        scripts = [_for(what, version, random.Random(one)) for one in seeds]
        stage = Stage()
        with (
            contextlib.closing(stage),
            recording(stage, host) as plain,
            recording(stage, "127.0.0.1") as behind,
            what.start(host, peer, ("127.0.0.1", behind.port), home) as address,
        ):
            ports = plain.port, address[1]
            player, calls = _played(link, stage, scripts, ports, version)
            _until_done(plain, len(calls), stage)
            expected, nested = Counter[object](), Counter[object]()
            for one, _ in calls:
                octets = bytes(plain.streams[one.ports[0]].octets)
                if (said := relayed(octets, trust, peer)) is None:
                    continue
                client, rest = said
                if signature(rest) is None:
                    expected[said] += 1
                elif what.takes_anything:
                    # Whether the one behind has been told of its client by then is a
                    # matter of time; of what follows it gets nothing.
                    nested[client, b""] += 1
                else:
                    expected[said] += 1
            _until_done(behind, expected.total(), stage)
        found = Counter[object]()
        for arrived in behind.streams.values():
            preamble, rest = decode(bytes(arrived.octets), ("proxy1", "proxy2"))
            found[preamble.source, rest] += 1
        assert expected - found == Counter(), expected - found
        assert (found - expected) - nested == Counter(), found - expected
        ran.report.compared += len(calls)
        ran.report.outcomes["accepted"] += expected.total()
        ran.report.outcomes["refused"] += len(calls) - expected.total()
        ran.packets += len(player.packets)
    ran.seconds = time.monotonic() - began
    return ran


def _batches(number: int, seed: int) -> Iterator[tuple[int, list[str]]]:
    for version in (4, 6):
        for start in range(0, number // 2, _BATCH):
            numbers = range(start, min(start + _BATCH, number // 2))
            yield version, [f"{seed}/{version}/{one}" for one in numbers]


def _played(
    link: Link,
    stage: Stage,
    scripts: list[Script],
    ports: tuple[int, int],
    version: int,
) -> tuple[Player, list[tuple[Call, Call]]]:
    """Play each script to both ports, until all calls have finished."""
    player = Player(link)
    stage.watch(player, player.frames)
    begin: list[Callable[[], Call]] = [
        functools.partial(player.call, script, port, version=version)
        for script in scripts
        for port in ports
    ]
    calls = list(player.play(begin, stage.step))
    stage.forget(player)
    return player, list(zip(calls[::2], calls[1::2], strict=True))


def _any(chance: random.Random) -> Script:
    return shuffled(stream(chance), chance)


def _for(what: Relay, version: int, chance: random.Random) -> Script:
    """A script that is said to its end, so that a relay has all of it.

    A peer gets a right preamble of a client over TCP, readable at once; over the same
    version of IP, since nginx says a mixture in no right way.
    """
    if what.takes_anything:
        return shuffled(stream(chance), chance, resets=False)
    front = bytes(what.most + 1)
    while len(front) > what.most:
        format = chance.choice(("proxy1", "proxy2"))
        front = valid(chance, format=format, local=False, version=version)
    said = front + following(chance)
    return shuffled(said, chance, whole=len(front), resets=False)


@contextlib.contextmanager
def _ours(kind: str, stage: Stage, host: str, trust: Trust) -> Iterator[Receiver]:
    if kind == "streams":
        server = streaming(host, trust)
    else:
        server = listening(stage, host, trust)
    with server as receiver:
        yield receiver


def _until_done(receiver: Receiver, connections: int, stage: Stage) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not receiver.is_done(connections):
        came = f"{len(receiver.streams)} of {connections} connections"
        assert time.monotonic() < deadline, f"{came} were read to their end"
        stage.step()
