from __future__ import annotations

import subprocess
import sys

import pytest

from sslmagic import Endpoint, Reason, UnixEndpoint
from sslmagic.listener.journal import Journal
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


def test_the_first_line_needs_no_descriptor() -> None:
    """It may say that none is left: a codec not used before would be read from disk."""
    script = """if True:
        import resource
        from sslmagic import Endpoint, Reason
        from sslmagic.listener.journal import Journal
        from sslmagic.reception import Refused

        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        refused = Refused(Endpoint("10.0.0.1", 1), Reason.WAITING, "no room")
        Journal().refused(refused, 0.0)
    """
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=False
    )
    assert done.stderr == b"refused 10.0.0.1:1: waiting: no room\n"
    assert done.returncode == 0


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
