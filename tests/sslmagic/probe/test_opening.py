"""opening.py: what is heard of who is sent no preamble."""

from __future__ import annotations

import socket

from sslmagic.probe.report import Speech, Stance
from tests.sslmagic.probe.surveyed import survey


def test_a_server_that_speaks_first_shows_nothing() -> None:
    def greeting(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example\r\n")
        while connection.recv(65536):
            pass

    report = survey(greeting)
    assert report.speaks is Speech.FIRST
    assert {one.stance for one in report.formats} == {Stance.UNKNOWN}
    assert len(report.trials) == 3
