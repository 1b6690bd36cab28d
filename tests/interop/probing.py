"""What `magic probe` says of each listener that is here.

`python -m tests.interop.probing` writes what was heard to docs/probe.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sslmagic import Endpoint
from sslmagic.probe import (
    Belief,
    FormatReport,
    Limits,
    Report,
    Severity,
    Stance,
    Survey,
    Target,
    Trial,
    findings,
    verdict,
)
from tests.interop.authority import NAME, Authority
from tests.interop.peers import READY, Address, version
from tests.interop.probed import LISTENERS, Listener
from tests.interop.probed_programs import DEADLINE, PROGRAMS, Start

__all__ = [
    "COLUMNS",
    "LIMITS",
    "PAGE",
    "Heard",
    "await_service",
    "hearing",
    "page",
    "row",
    "survey",
    "words",
]

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "probe.md"

LIMITS = Limits(answer=5.0, pause=0.0, late=0.2, between=0.005, timeout=25.0)
"""No listener here leaves a question without an answer or an end, so that it costs
nothing to give a busy machine time for it. The timeout and twice `READY`, to listen and
to serve, are what a test may take."""

Heard = Mapping[Listener, Report]
REQUEST = f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode()

NAMES = {"magic": "MAGIC", "proxy1": "v1", "proxy2": "v2"}
ASKED = {
    "halves": "in two pieces",
    "octets": "octet by octet",
    "late": f"{LIMITS.late:g} s late",
    "local": "no client",
    "bad_checksum": "wrong CRC32C",
    "nested": "two of them",
}
COLUMNS = (
    "listener",
    "set up with",
    "asked from",
    "without a preamble",
    *NAMES.values(),
    *ASKED.values(),
    "says nothing",
    "half a preamble",
)
TITLES = {"haproxy": "HAProxy", "gunicorn": "gunicorn"}
START, END = "<!-- heard -->\n", "<!-- end -->\n"


def survey(listener: Listener, address: Address) -> Report:
    """Asks one listener all there is to ask."""
    return Survey(
        Target(name=address[0], address=Endpoint(*address)),
        request=REQUEST,
        limits=dataclasses.replace(LIMITS, patience=listener.patience),
        source=listener.source,
        server_name=NAME,
    ).run()


@contextlib.contextmanager
def hearing(
    directory: Path, authority: Authority
) -> Iterator[Mapping[str, Future[Heard]]]:
    """Runs and asks all that is here, side by side; yields by program what is heard.

    Each by itself from its start to its end, so that nobody waits for another's: a
    compiler, on a busy machine, takes longer than a test may.
    """
    asked: dict[str, list[Listener]] = {}
    for listener in LISTENERS:
        if listener.is_here:
            asked.setdefault(listener.program, []).append(listener)
    with ThreadPoolExecutor(len(asked)) as pool:
        yield {
            name: pool.submit(_heard, PROGRAMS[name], listeners, directory, authority)
            for name, listeners in asked.items()
        }


def _heard(
    start: Start, listeners: Sequence[Listener], directory: Path, authority: Authority
) -> Heard:
    with (
        start(directory, authority) as places,
        ThreadPoolExecutor(len(listeners)) as pool,
    ):
        for place in {listener.place for listener in listeners}:
            await_service(places[place])
        reports = pool.map(lambda one: survey(one, places[one.place]), listeners)
        return dict(zip(listeners, reports, strict=True))


def await_service(address: Address) -> None:
    """Returns once somebody serves there, or has hung up on what is no preamble.

    A program listens before it serves, gunicorn before it has loaded its application;
    what it is asked meanwhile has no answer in the time that the survey gives it.
    """
    with (
        socket.create_connection(address, READY) as stream,
        contextlib.suppress(ConnectionError),
    ):
        stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
        stream.recv(1)


def row(listener: Listener, report: Report) -> str:
    """One listener's line of the table."""
    return _line(
        listener.name,
        f"`{listener.setting}`".replace("|", "\\|"),
        listener.source,
        _without(report),
        *(_format(one) for one in report.formats),
        *(_trial(report, name) for name in ASKED),
        _wait(report.silent),
        _wait(report.half) if report.half else "",
    )


def words(listener: Listener, report: Report) -> str:
    """What the command says of one listener, without its notes."""
    return (
        f"- **{listener.name}**, `{listener.setting}`, asked from {listener.source}:"
        f" {verdict(report)}{_gravest(report)}"
    )


def page(reports: Mapping[Listener, Report]) -> str:
    """The page with what was heard in place of what it has."""
    head, start, rest = PAGE.read_text("utf-8").partition(START)
    _, end, tail = rest.partition(END)
    table = [_line(*COLUMNS), _line(*("---" for _ in COLUMNS))]
    table += [row(listener, report) for listener, report in reports.items()]
    said = [words(listener, report) for listener, report in reports.items()]
    peers = ("haproxy", "nginx", "hitch", "stunnel", "go-proxyproto")
    versions = ", ".join(f"{TITLES.get(one, one)} {version(one)}" for one in peers)
    heading = f"Heard of {versions} and gunicorn {_gunicorn()}.\n"
    body = "\n".join([heading, *table, "", "### In words", "", *said, ""])
    return f"{head}{start}\n{body}\n{end}{tail}"


def _without(report: Report) -> str:
    if report.speaks:
        return {"tls": "TLS", "http": "HTTP"}[report.speaks]
    first = report.trials[0].answer
    return "closes" if first.is_end else first.said


def _format(one: FormatReport) -> str:
    if one.taken("inside"):
        return "within TLS, believed"
    if one.stance is Stance.REFUSED:
        answer = one.trials["whole"].answer
        return "closes" if answer.is_end else answer.said
    shown = {
        Belief.BELIEVED: "believed",
        Belief.OWN: "peer shown",
        Belief.NOT_SHOWN: "not shown",
    }
    return f"{one.stance}, {shown[one.belief]}"


def _trial(report: Report, name: str) -> str:
    """What the formats that are taken have in common, or each its own."""
    said = {
        NAMES[one.format]: "taken" if one.taken(name) else "refused"
        for one in report.takes
        if name in one.trials
    }
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return ", ".join(f"{format} {word}" for format, word in said.items())


def _wait(trial: Trial | None) -> str:
    assert trial is not None
    if not trial.answer.ended:
        # As long as was meant: a busy machine looks later.
        return f"over {int(trial.question.patience)} s"
    lasted = round(trial.answer.lasted)
    return f"{lasted} s" if lasted else "at once"


def _gravest(report: Report) -> str:
    """What is more than a note, as the command says it."""
    return "".join(
        f" *{one.severity}*: {one.words}."
        for one in findings(report)
        if one.severity is not Severity.NOTE
    )


def _gunicorn() -> str:
    import gunicorn

    return str(gunicorn.__version__)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: Iterable[str] = ()) -> int:
    logging.disable()
    missing = sorted({one.name for one in LISTENERS if not one.is_here})
    if missing:
        sys.stderr.write(f"not here: {', '.join(missing)}\n")
        return 1
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        # hitch reads its certificate as nobody.
        directory.chmod(0o755)
        authority = Authority.create(directory / "authority")
        with hearing(directory, authority) as heard:
            reports = {one: heard[one.program].result()[one] for one in LISTENERS}
        PAGE.write_text(page(reports), "utf-8")
    return 0


if __name__ == "__main__":
    assert all(one.patience > DEADLINE for one in LISTENERS)
    sys.exit(main())
