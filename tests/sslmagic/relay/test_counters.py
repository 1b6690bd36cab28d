"""Counters in memory that workers and supervisor share."""

from __future__ import annotations

import os

from sslmagic.errors import Reason
from sslmagic.relay import counters
from sslmagic.relay.counters import COUNTS, REFUSED, Counters


def test_rows_are_summed_by_name() -> None:
    counts = Counters(2)
    counts.row(0)[counters.ACCEPTED] += 2
    counts.row(1)[counters.ACCEPTED] += 3
    counts.row(1)[counters.REFUSED[Reason.PEER]] += 1
    total = counts.total()
    assert total["accepted"] == 5
    assert total["refused_peer"] == 1
    assert sum(total.values()) == 6
    assert counts.line() == "accepted=5 refused_peer=1"


def test_every_reason_has_its_own_number() -> None:
    assert {COUNTS[index] for index in REFUSED.values()} == {
        f"refused_{reason}" for reason in Reason
    }
    assert len(set(COUNTS)) == len(COUNTS)


def test_the_names_stand_where_the_indexes_say() -> None:
    indexes = {
        name: index
        for name in counters.__all__
        if isinstance(index := getattr(counters, name), int)
    }
    assert indexes
    for name, index in indexes.items():
        assert COUNTS[index] == name.lower()


def test_what_a_child_counts_its_parent_sees() -> None:
    counts = Counters(1)
    pid = os.fork()
    if not pid:
        counts.row(0)[counters.JOINED] += 7
        os._exit(0)
    os.waitpid(pid, 0)
    assert counts.total()["joined"] == 7
