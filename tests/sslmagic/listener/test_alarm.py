from __future__ import annotations

import os
import select
import time

from sslmagic.listener.alarm import Alarm
from tests.sslmagic.receiving import PATIENCE


def rings(alarm: Alarm, patience: float) -> bool:
    return bool(select.select([alarm], [], [], patience)[0])


def test_it_rings_at_its_time_and_not_before() -> None:
    alarm = Alarm()
    at = time.monotonic() + 0.05
    alarm.ring_at(at)
    assert alarm.time == at
    assert rings(alarm, PATIENCE)
    assert time.monotonic() >= at - 0.001
    alarm.close()


def test_it_rings_until_it_is_set_anew() -> None:
    alarm = Alarm()
    assert not rings(alarm, 0)
    for past in (0, -1, time.monotonic() - 1):
        alarm.ring_at(past)
        assert rings(alarm, PATIENCE)
        assert rings(alarm, 0)
    alarm.ring_at(time.monotonic() + 3600)
    assert not rings(alarm, 0)
    alarm.ring_at(0)
    assert rings(alarm, PATIENCE)
    alarm.ring_at(None)
    assert not rings(alarm, 0)
    alarm.close()


def test_its_descriptor_is_its_own_and_given_back() -> None:
    alarm = Alarm()
    descriptor = alarm.fileno()
    assert not os.get_inheritable(descriptor)
    assert not os.get_blocking(descriptor)
    alarm.close()
    alarm.close()
    again = Alarm()
    assert again.fileno() == descriptor
    del again
    assert Alarm().fileno() == descriptor
