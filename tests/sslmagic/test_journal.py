from __future__ import annotations

import pytest

from sslmagic import Endpoint, Reason, UnixEndpoint
from sslmagic.journal import Journal
from sslmagic.reception import Refused

PEER = Endpoint("10.0.0.1", 40000)


def test_a_line_says_who_and_why(caplog: pytest.LogCaptureFixture) -> None:
    Journal().refused(Refused(PEER, Reason.FORMAT, "octet 16"), 0.0)
    (record,) = caplog.records
    assert record.name == "sslmagic"
    assert record.getMessage() == "refused 10.0.0.1:40000: format: octet 16"


@pytest.mark.parametrize("evil", ["\n", "\r", "\x1b[31m", "\0", "\u202e", "\udcff"])
def test_nothing_reaches_the_log_unescaped(
    evil: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused = Refused(UnixEndpoint(f"/run/{evil}"), Reason.LINE, f"it said {evil}x")
    Journal().refused(refused, 0.0)
    (line,) = caplog.messages
    assert line.isascii()
    assert line.isprintable()


def test_lines_are_few_and_the_rest_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = Journal(lines=3, period=10.0)
    refused = Refused(PEER, Reason.PEER, "no network")
    for now in range(9):
        journal.refused(refused, float(now))
    assert len(caplog.messages) == 3
    journal.trouble("cannot accept: no room", 10.0)
    assert caplog.messages[3:] == [
        "6 more lines like these left out",
        "cannot accept: no room",
    ]
    journal.refused(refused, 25.0)
    assert len(caplog.messages) == 6
