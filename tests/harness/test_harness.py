"""Packets from a host of its own: what they do changes nothing of what is decoded."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sslmagic import Trust, decode, sockets
from sslmagic.dissect.scapy_layer import MAGIC, NoopTLV, PROXYv2
from sslmagic.wire import FORMATS
from tests.harness.comparison import captured
from tests.harness.content import HELLO, valid
from tests.harness.frames import ACK, FIN, PSH, RST
from tests.harness.link import Link, linked, needs_link
from tests.harness.player import Call, Player
from tests.harness.relays import RELAYS, Relay
from tests.harness.run import KINDS, relay, run
from tests.harness.script import Piece, Script
from tests.harness.servers import Receiver, Stage, Stream, listening, recording
from tests.interop.peers import needs

SCRIPTS = 120
"""For each receiver, half of them over each version of IP."""
FRONT = valid(random.Random(0), format="magic", local=False)
STREAM = FRONT + HELLO
END = len(STREAM)


@pytest.fixture(scope="module")
def link() -> Iterator[Link]:
    needs_link()
    with linked() as link:
        yield link


@pytest.mark.parametrize("kind", KINDS)
def test_a_listener_of_ours_reads_what_its_kernel_gives(link: Link, kind: str) -> None:
    ran = run(link, kind=kind, number=SCRIPTS, seed=1)
    assert ran.report.compared == SCRIPTS
    assert ran.report.outcomes["accepted"] > SCRIPTS / 3
    assert len(ran.report.outcomes) > 5
    assert ran.report.undecided < SCRIPTS / 10
    assert [str(one) for one in ran.report.differences] == []


@pytest.mark.parametrize("what", RELAYS, ids=lambda what: what.name)
def test_a_relay_passes_on_what_its_kernel_gives(
    link: Link, what: Relay, tmp_path: Path
) -> None:
    needs(*what.needs)
    ran = relay(link, what, number=SCRIPTS, seed=1, home=tmp_path)
    assert ran.report.compared == SCRIPTS
    assert ran.report.outcomes["accepted"] > SCRIPTS / 3


class Scene:
    """One script, and a listener of ours on the other end."""

    def __init__(self, link: Link, stage: Stage, server: Receiver) -> None:
        self.player = Player(link)
        self.stage, self.server = stage, server
        self.played = 0
        stage.watch(self.player, self.player.frames)

    def play(self, pieces: list[Piece], *, version: int = 4) -> Call:
        script = Script(stream=STREAM, pieces=pieces, end=END)
        play = self.player.play(
            [lambda: self.player.call(script, self.server.port, version=version)],
            self.stage.step,
        )
        (call,) = play
        self.played += 1
        while not self.server.is_done(self.played):
            self.stage.step()
        return call

    def read(self, call: Call) -> bytes | None:
        """What the program read behind the preamble; None if it was refused."""
        stream = self.server.streams.get(call.ports[0])
        if stream is None:
            return None
        assert stream.client is not None
        assert stream.client.preamble == decode(FRONT)[0]
        return bytes(stream.octets)


@pytest.fixture
def scene(link: Link) -> Iterator[Scene]:
    trust = Trust(peers=[link.routes[4].hosts[0]], formats=FORMATS)
    with (
        contextlib.closing(Stage()) as stage,
        listening(stage, link.ours(4), trust) as server,
    ):
        yield Scene(link, stage, server)


def said(start: int, end: int, octets: bytes | None = None) -> Piece:
    return Piece(start, STREAM[start:end] if octets is None else octets, ACK | PSH)


CLOSE = Piece(END, flags=ACK | FIN)


@pytest.mark.parametrize(
    "pieces",
    [
        [said(at, at + 1) for at in range(len(FRONT))] + [said(len(FRONT), END)],
        [said(5, END), said(0, 5)],
        [said(20, END), said(0, 3), said(10, 20), said(3, 10)],
        [said(0, 30), said(0, 30), said(10, END), said(0, END)],
        [said(0, 9), Piece(8, b"\xff"), Piece(8), said(9, END)],
        [Piece(0, window=0), said(0, 9), Piece(9, window=0), said(9, END)],
        [said(0, 20), said(0, 20, b"\0" * 20), said(20, END)],
        [said(0, END)._replace(flags=ACK | FIN)],
    ],
    ids=[
        *("octet-by-octet", "first-last", "shuffled", "sent-again"),
        *("keep-alive", "zero-window", "other-octets-too-late", "fin-with-data"),
    ],
)
def test_the_same_client_whatever_the_packets_do(
    scene: Scene, pieces: list[Piece]
) -> None:
    call = scene.play([*pieces, CLOSE])
    assert scene.read(call) == HELLO


SMALL = 1
"""A buffer that the kernel makes as small as it can be."""
PIECE = 700


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("format", ["magic", "proxy2"])
def test_a_window_that_the_receiver_closes(
    link: Link, version: int, format: str
) -> None:
    """Within a preamble that is longer than it: what was dropped is taken later."""
    noop = NoopTLV(value=bytes(1900 if format == "magic" else 3900))
    front = bytes({"magic": MAGIC, "proxy2": PROXYv2}[format](tlvs=[noop]))
    rest = HELLO + random.Random(1).randbytes(1500)
    stream = front + rest
    places = range(0, len(stream), PIECE)
    pieces = [Piece(at, stream[at : at + PIECE], ACK | PSH) for at in places]
    script = Script(
        stream=stream,
        pieces=[*pieces, Piece(len(stream), flags=ACK | FIN)],
        end=len(stream),
        obeys=True,
    )
    trust = Trust(peers=[link.routes[version].hosts[0]], formats=FORMATS)
    player, found = Player(link), Stream()
    with (
        contextlib.closing(Stage()) as stage,
        sockets.listen((link.ours(version), 0), trust=trust) as listener,
    ):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        listener.setblocking(False)
        stage.watch(player, player.frames)

        def step() -> None:
            stage.step()
            # The program takes nothing until there is no room left.
            if not call.closings:
                return
            if (connection := listener.ready()) is not None:
                found.client = connection.getpeername()
                stage.read(connection, found)

        port = listener.getsockname()[1]
        call = player.call(script, port, version=version)
        list(player.play([lambda: call], step, seconds=10))
    assert call.closings > 0
    assert found.client is not None
    assert found.client.preamble == decode(front, FORMATS)[0]
    assert bytes(found.octets) == rest


def test_octets_that_came_first_stay(scene: Scene) -> None:
    """A spoofed source behind a gap, before the gateway's own segment."""
    other = STREAM[:12] + b"\x08\x08\x08\x08" + STREAM[16:]
    call = scene.play([said(12, 16, other[12:16]), said(0, END), CLOSE])
    (seen,) = captured(scene.player.packets).values()
    kernel = seen.sent.octets
    assert kernel in (STREAM, other)
    assert seen.sent.conflicting == 4
    stream = scene.server.streams[call.ports[0]]
    assert stream.client is not None
    assert stream.client.preamble == decode(kernel)[0]


@pytest.mark.parametrize("end", range(0, len(FRONT), 5))
def test_a_fin_within_the_preamble(scene: Scene, end: int) -> None:
    call = scene.play([Piece(0), said(0, end), Piece(end, flags=ACK | FIN)])
    assert scene.read(call) is None
    assert call.closed or call.reset
    assert call.answered == b""


@pytest.mark.parametrize("end", range(0, len(FRONT), 5))
def test_a_reset_within_the_preamble(scene: Scene, end: int) -> None:
    pieces = [Piece(0), said(0, end), Piece(end, flags=RST), Piece(end)]
    call = scene.play(pieces)
    assert scene.read(call) is None
    assert call.reset
    assert scene.server.counters is not None


def test_a_reset_beside_the_next_octet_changes_nothing(scene: Scene) -> None:
    call = scene.play(
        [said(0, 9), Piece(30, flags=RST), Piece(8, flags=RST), said(9, END), CLOSE]
    )
    assert scene.read(call) == HELLO


def test_what_stands_behind_the_fin_is_not_read(scene: Scene) -> None:
    end = len(FRONT) + 6
    fin = Piece(end, flags=ACK | FIN)
    call = scene.play([fin, said(0, end), said(end, END)])
    assert scene.read(call) == STREAM[len(FRONT) : end]


def test_nothing_is_left_behind(link: Link) -> None:
    """The host answers nothing by itself: a frame to it gets no answer."""
    with contextlib.closing(Stage()) as stage, recording(stage, link.ours(4)) as plain:
        player = Player(link)
        stage.watch(player, player.frames)
        call = player.call(Script(stream=b"", pieces=[Piece(0)]), plain.port)
        while not call.opened or not plain.streams:
            stage.step()
        flags = [packet.octets[47] for packet in player.packets]
        assert not any(flag & RST for flag in flags)
        player.reset(call)
        while not plain.is_done(1):
            stage.step()
    assert plain.streams[call.ports[0]].reset
