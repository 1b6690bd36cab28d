"""Surveys of scripted listeners, and scripts that several tests ask."""

from __future__ import annotations

import socket

from sslmagic.probe.interview import Limits
from sslmagic.probe.report import FormatReport, Report, Trial
from sslmagic.probe.survey import Survey
from sslmagic.wire import FORMATS
from tests.sslmagic.probe.scripted import LIMITS, Script, listening, target

__all__ = [
    "HANDSHAKE_FAILURE",
    "HASTY",
    "REQUEST",
    "closing",
    "only",
    "refusing",
    "silent",
    "survey",
]

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HASTY = Limits(answer=0.2, patience=0.05, pause=0.0, late=0.0, gap=0.0, between=0.0)
"""Where silence is heard often, and nothing that is measured."""
HANDSHAKE_FAILURE = bytes.fromhex("15 03 03 00 02 02 28")


def survey(
    script: Script,
    *,
    formats: tuple[str, ...] = FORMATS,
    limits: Limits = LIMITS,
    heard: list[Trial] | None = None,
    source: str | None = "127.0.0.9",
) -> Report:
    with listening(script) as address:
        return Survey(
            target(address),
            request=REQUEST,
            formats=formats,
            limits=limits,
            source=source,
            heard=None if heard is None else heard.append,
        ).run()


def only(report: Report) -> FormatReport:
    (one,) = report.formats
    return one


def refusing(connection: socket.socket) -> None:
    """Ends every connection before it reads."""


def closing(connection: socket.socket) -> None:
    """Ends every connection once it has read, whatever it was."""
    connection.recv(65536)


def silent(connection: socket.socket) -> None:
    """Reads, and has no answer."""
    while connection.recv(65536):
        pass
