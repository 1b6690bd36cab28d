"""The loop: events, turns, closing, time, and faults that stay where they happen."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator

import pytest

from sslmagic.relay.loop import CHANGES, Loop


class Recorder:
    """A handler that notes what it is told, and does what a test asks for."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.told: list[object] = []

    def ready(self, mask: int) -> None:
        self.told.append(mask)
        self.loop.stop()

    def swept(self, now: float) -> None:
        self.told.append("swept")
        self.loop.stop()

    def abort(self) -> None:
        self.told.append("abort")

    def expired(self) -> None:
        self.told.append("expired")
        self.loop.stop()


@pytest.fixture
def faults() -> list[Exception]:
    return []


@pytest.fixture
def loop(faults: list[Exception]) -> Loop:
    return Loop(sweep=60, fault=faults.append)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    first, second = socket.socketpair()
    with first, second:
        yield first, second


Pair = tuple[socket.socket, socket.socket]


def test_a_handler_is_told_of_changes_once(loop: Loop, pair: Pair) -> None:
    recorder = Recorder(loop)
    loop.add(pair[0].fileno(), recorder)
    pair[1].send(b"x")
    loop.run()
    assert recorder.told == [select.EPOLLIN | select.EPOLLOUT]
    pair[1].close()
    loop.run()
    assert len(recorder.told) == 2
    assert isinstance(recorder.told[1], int)
    assert recorder.told[1] & select.EPOLLRDHUP
    assert CHANGES & select.EPOLLET


def test_whoever_asks_for_another_turn_gets_it_after_the_others(
    loop: Loop, pair: Pair
) -> None:
    order: list[str] = []

    class First(Recorder):
        def ready(self, mask: int) -> None:
            order.append(f"first {mask > 0}")
            if mask:
                loop.again(self)
            else:
                loop.stop()

    class Second(Recorder):
        def ready(self, mask: int) -> None:
            order.append("second")

    for number, handler in enumerate((First(loop), Second(loop))):
        loop.add(pair[number].fileno(), handler)
    loop.run()
    assert order[-1] == "first False"
    assert sorted(order[:-1]) == ["first True", "second"]


def test_who_was_given_up_in_this_round_is_told_no_more(loop: Loop, pair: Pair) -> None:
    told: list[str] = []

    class Closer(Recorder):
        def __init__(
            self, name: str, mine: socket.socket, other: socket.socket
        ) -> None:
            super().__init__(loop)
            self.name, self.mine, self.other = name, mine, other

        def ready(self, mask: int) -> None:
            told.append(self.name)
            assert self.mine.fileno() >= 0
            loop.close(self.mine)
            loop.close(self.other)
            loop.after(0, loop.stop)

    loop.add(pair[0].fileno(), Closer("a", *pair))
    loop.add(pair[1].fileno(), Closer("b", pair[1], pair[0]))
    loop.run()
    assert len(told) == 1
    assert pair[0].fileno() == pair[1].fileno() == -1
    assert loop.handlers() == ()


def test_a_descriptor_may_change_hands(loop: Loop, pair: Pair) -> None:
    first, second = Recorder(loop), Recorder(loop)
    loop.add(pair[0].fileno(), first)
    loop.hand_over(pair[0].fileno(), second)
    loop.run()
    assert first.told == []
    assert second.told == [select.EPOLLOUT]


def test_who_is_removed_stays_open(loop: Loop, pair: Pair) -> None:
    recorder = Recorder(loop)
    loop.add(pair[0].fileno(), recorder)
    loop.remove(pair[0].fileno())
    pair[1].send(b"x")
    loop.after(0.02, loop.stop)
    loop.run()
    assert recorder.told == []
    assert pair[0].recv(1) == b"x"


def test_time_passes_in_order(loop: Loop) -> None:
    told: list[str] = []
    loop.after(0.02, lambda: told.append("second"))
    loop.after(0.01, lambda: told.append("first"))
    loop.after(0.03, loop.stop)
    loop.run()
    assert told == ["first", "second"]


def test_deadlines_expire(loop: Loop) -> None:
    recorder = Recorder(loop)
    loop.deadlines(0.01).add(recorder, loop.now)
    loop.run()
    assert recorder.told == ["expired"]


def test_everyone_is_swept(faults: list[Exception], pair: Pair) -> None:
    loop = Loop(sweep=0.01, fault=faults.append)
    recorder = Recorder(loop)
    loop.add(pair[0].fileno(), recorder, select.EPOLLPRI)
    loop.run()
    assert recorder.told == ["swept"]


def test_a_fault_ends_one_handler_and_nobody_else(
    loop: Loop, faults: list[Exception], pair: Pair
) -> None:
    class Faulty(Recorder):
        def ready(self, mask: int) -> None:
            raise ZeroDivisionError(self.told)

    faulty, sound = Faulty(loop), Recorder(loop)
    loop.add(pair[0].fileno(), faulty)
    loop.add(pair[1].fileno(), sound)
    loop.run()
    assert faulty.told == ["abort"]
    assert len(sound.told) == 1
    assert [type(fault) for fault in faults] == [ZeroDivisionError]


@pytest.mark.parametrize("where", ["again", "expired", "after", "swept"])
def test_a_fault_elsewhere_does_not_end_the_loop(
    where: str, faults: list[Exception], pair: Pair
) -> None:
    loop = Loop(sweep=0.01 if where == "swept" else 60, fault=faults.append)

    class Faulty(Recorder):
        def ready(self, mask: int) -> None:
            raise ZeroDivisionError

        def swept(self, now: float) -> None:
            raise ZeroDivisionError

        def expired(self) -> None:
            raise ZeroDivisionError

    faulty = Faulty(loop)
    loop.after(0.03, loop.stop)
    match where:
        case "again":
            loop.again(faulty)
        case "expired":
            loop.deadlines(0.01).add(faulty, loop.now)
        case "after":
            loop.after(0.01, faulty.expired)
        case _:
            loop.add(pair[0].fileno(), faulty, select.EPOLLPRI)
    loop.run()
    assert {type(fault) for fault in faults} == {ZeroDivisionError}


def test_abort_reaches_everyone_and_closes_what_they_give_up(
    loop: Loop, pair: Pair
) -> None:
    class Giving(Recorder):
        def abort(self) -> None:
            loop.close(pair[0])

    loop.add(pair[0].fileno(), Giving(loop))
    loop.abort()
    assert pair[0].fileno() == -1


def test_what_was_closed_already_is_no_fault(
    loop: Loop, faults: list[Exception]
) -> None:
    class Gone:
        def fileno(self) -> int:
            return -1

        def close(self) -> None:
            os.close(-1)

    loop.close(Gone())
    loop.after(0, loop.stop)
    loop.run()
    assert faults == []
