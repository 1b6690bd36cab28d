"""Deadlines of one duration, and appointments."""

from __future__ import annotations

import math

from sslmagic.relay.timers import Alarm, Appointments, Deadlines


class Waiting:
    def __init__(self, told: list[str], name: str) -> None:
        self.told, self.name = told, name

    def expired(self) -> None:
        self.told.append(self.name)


def test_deadlines_fall_due_in_the_order_in_which_they_were_set() -> None:
    told: list[str] = []
    queue = Deadlines(5, Alarm())
    first, second, third = (Waiting(told, name) for name in "abc")
    queue.add(first, 0)
    queue.add(second, 1)
    queue.add(third, 2)
    assert queue.next == 5
    queue.discard(second)
    queue.run(4.9)
    assert told == []
    queue.run(7)
    assert told == ["a", "c"]
    assert len(queue) == 0
    assert queue.next is None


def test_a_duration_of_0_is_for_ever() -> None:
    queue = Deadlines(0, Alarm())
    waiting = Waiting([], "a")
    queue.add(waiting, 0)
    assert waiting not in queue
    assert queue.next is None


def test_discarding_who_does_not_wait_is_nothing() -> None:
    Deadlines(1, Alarm()).discard(Waiting([], "a"))


def test_appointments_are_kept_by_time_and_then_by_order() -> None:
    told: list[str] = []
    appointments = Appointments(Alarm())
    for due, name in ((2, "late"), (1, "early"), (1, "early, but second")):
        appointments.add(due, lambda name=name: told.append(name))  # type: ignore[misc]
    assert appointments.next == 1
    appointments.run(1)
    assert told == ["early", "early, but second"]
    assert appointments.next == 2
    appointments.run(9)
    assert told[-1] == "late"
    assert appointments.next is None


def test_an_action_may_make_the_next_appointment() -> None:
    appointments = Appointments(Alarm())
    appointments.add(1, lambda: appointments.add(5, lambda: None))
    appointments.run(2)
    assert appointments.next == 5


def test_the_alarm_goes_off_at_the_earliest_time_that_was_set() -> None:
    alarm = Alarm()
    assert alarm.at == math.inf
    queue, appointments = Deadlines(5, alarm), Appointments(alarm)
    queue.add(Waiting([], "a"), 10)
    assert alarm.at == 15
    appointments.add(12, lambda: None)
    assert alarm.at == 12
    queue.add(Waiting([], "b"), 11)
    alarm.by(None)
    assert alarm.at == 12
