"""`magic probe`: tells from outside what a listener does with preambles."""

from __future__ import annotations

import sys

import click

from sslmagic.address import host_text, pack_host
from sslmagic.probe import Limits, Report, Survey, Target, Trial
from sslmagic.probe.interview import MOST
from sslmagic.wire import FORMATS
from sslmagic_cli import output
from sslmagic_cli.arguments import Seconds
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["command"]

_EXAMPLES = """\b
magic probe 127.0.0.1:8443
magic probe shop.example:443 --path /whoami --format proxy2 --json
"""
_DEFAULTS = Limits()
_SECONDS = Seconds(zero=False)
_REQUEST = "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: magic-probe\r\nAccept: */*\r\n"


@click.command("probe", epilog=_EXAMPLES)
@click.argument("where", metavar="HOST:PORT")
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Ask about this one. Repeatable; all of them if none is named.",
)
@click.option(
    "--path",
    metavar="PATH",
    default="/",
    show_default=True,
    help="The page to ask for: one that shows the client's address tells most.",
)
@click.option(
    "--method",
    type=click.Choice(["GET", "HEAD"]),
    default="GET",
    show_default=True,
    help="How to ask for it.",
)
@click.option("--server-name", metavar="NAME", help="For SNI and Host; HOST if a name.")
@click.option("--from", "source", metavar="ADDRESS", help="Where to ask from.")
@click.option(
    "--answer",
    type=_SECONDS,
    metavar="SECONDS",
    default=_DEFAULTS.answer,
    show_default=True,
    help="To wait for each answer.",
)
@click.option(
    "--patience",
    type=_SECONDS,
    metavar="SECONDS",
    default=_DEFAULTS.patience,
    show_default=True,
    help="To see how long it waits for somebody who says nothing.",
)
@click.option(
    "--late",
    type=Seconds(),
    metavar="SECONDS",
    default=_DEFAULTS.late,
    show_default=True,
    help="Before a late preamble.",
)
@click.option(
    "--pause",
    type=Seconds(),
    metavar="SECONDS",
    default=_DEFAULTS.pause,
    show_default=True,
    help="Between two connections.",
)
@click.option(
    "--timeout",
    type=_SECONDS,
    metavar="SECONDS",
    default=_DEFAULTS.timeout,
    show_default=True,
    help="For all of it.",
)
@click.option(
    "--connections",
    metavar="CONNECTIONS",
    type=click.IntRange(1, MOST),
    default=MOST,
    show_default=True,
    help="To make, at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.option("-v", "--verbose", is_flag=True, help="Show every question and answer.")
def command(
    *,
    where: str,
    formats: tuple[str, ...],
    path: str,
    method: str,
    server_name: str | None,
    source: str | None,
    answer: float,
    patience: float,
    late: float,
    pause: float,
    timeout: float,
    connections: int,
    as_json: bool,
    verbose: bool,
) -> None:
    """Tell from outside what a listener does with preambles.

    Asks the one at HOST:PORT, one connection at a time, and sends nothing but
    preambles, a ClientHello, and GET or HEAD of one page.
    """
    target = _target(where)
    name = server_name or (None if target.is_literal else target.name)
    request = _request(method, path, name, target)
    asked_from = _source(source, target)
    try:
        survey = Survey(
            target,
            request=request,
            formats=formats or FORMATS,
            limits=Limits(
                connections=connections,
                timeout=timeout,
                answer=answer,
                patience=patience,
                pause=pause,
                late=late,
            ),
            source=asked_from,
            server_name=name,
            heard=_progress if sys.stderr.isatty() else None,
        )
    except ValueError as error:
        raise click.UsageError(f"--server-name: {error}") from None
    if sys.stderr.isatty():
        click.echo(
            f"Asks {target.address} at most {connections} questions, one connection at"
            f" a time, for at most {timeout:g} s: preambles, a ClientHello,"
            f" {method} {path}.",
            err=True,
        )
    report = survey.run()
    if sys.stderr.isatty():
        click.echo(_BLANK, nl=False, err=True)
    if not report.is_reachable:
        where = str(target.address)
        if asked_from is not None:
            where += f", asked from {asked_from}"
        why = report.trials[0].answer.error
        raise CommandError(f"{where}: {why}", Exit.UNAVAILABLE)
    output.say(_said(report, as_json=as_json, verbose=verbose))


_BLANK = "\r\x1b[K"
"""Back to the start of the line, and nothing on it."""


def _progress(trial: Trial) -> None:
    question = trial.question.name
    click.echo(f"{_BLANK}{question}: {trial.answer.said}", nl=False, err=True)


def _said(report: Report, *, as_json: bool, verbose: bool) -> str:
    if as_json:
        import json

        from sslmagic_cli.survey import described

        # JSON leaves DEL as it is, a terminal does not.
        return json.dumps(described(report)).replace("\x7f", "\\u007f")
    from sslmagic_cli.survey import drawn

    return drawn(report, verbose=verbose)


def _target(where: str) -> Target:
    try:
        return Target.resolve(where)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        said = f"{where.rpartition(':')[0]} has no address: {error.strerror}"
        raise CommandError(said, Exit.UNAVAILABLE) from error


def _source(text: str | None, target: Target) -> str | None:
    if text is None:
        return None
    try:
        source = host_text(pack_host(text))
    except ValueError as error:
        raise click.UsageError(f"--from: {error}") from None
    if (":" in source) is not (":" in target.address.host):
        raise click.UsageError(
            f"--from: {source} and {target.address.host} are not of one family"
        )
    return source


def _request(method: str, path: str, name: str | None, target: Target) -> bytes:
    """Return the one request, of which nobody can make two."""
    if not path.startswith("/") or not _is_word(path):
        raise click.UsageError(f"--path: {path!r} is no path: /whoami say")
    if name is not None and not (_is_word(name) and name.isascii()):
        raise click.UsageError(f"--server-name: {name!r} is no name")
    host, port = target.address
    shown = name or (f"[{host}]" if ":" in host else host)
    head = _REQUEST.format(method, path, f"{shown}:{port}")
    return f"{head}Connection: close\r\n\r\n".encode()


def _is_word(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)
