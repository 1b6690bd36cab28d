"""`magic probe`: tells from outside what a listener does with preambles."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

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
@click.option("-4", "is_4", is_flag=True, help="Ask at IPv4 addresses only.")
@click.option("-6", "is_6", is_flag=True, help="Ask at IPv6 addresses only.")
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
    help="For all that is asked at one address.",
)
@click.option(
    "--connections",
    metavar="CONNECTIONS",
    type=click.IntRange(1, MOST),
    default=MOST,
    show_default=True,
    help="To make to one address, at most.",
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
    is_4: bool,
    is_6: bool,
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

    Asks the one at HOST:PORT, at each address that HOST has, one connection at a time,
    and sends nothing but preambles, a ClientHello, and GET or HEAD of one page.
    """
    asked_from = _source(source)
    named = _targets(where, _family(is_4=is_4, is_6=is_6))
    targets = _within_reach(named, asked_from)
    limits = Limits(
        connections=connections,
        timeout=timeout,
        answer=answer,
        patience=patience,
        pause=pause,
        late=late,
    )
    surveys: list[Survey] = []
    for target in targets:
        name = server_name or _server_name(target)
        request = _request(method, path, name, target)
        try:
            survey = Survey(
                target,
                request=request,
                formats=formats or FORMATS,
                limits=limits,
                source=asked_from,
                server_name=name,
                heard=_progress if sys.stderr.isatty() else None,
            )
        except ValueError as error:
            raise click.UsageError(f"--server-name: {error}") from None
        surveys.append(survey)
    _announce(targets, limits, f"{method} {path}")
    reports = [survey.run() for survey in surveys]
    if sys.stderr.isatty():
        click.echo(_BLANK, nl=False, err=True)
    if not any(report.is_reachable for report in reports):
        said = "; ".join(_unreachable(report, asked_from) for report in reports)
        raise CommandError(said, Exit.UNAVAILABLE)
    output.say(_said(reports, as_json=as_json, verbose=verbose))


def _announce(targets: Sequence[Target], limits: Limits, request: str) -> None:
    if not sys.stderr.isatty():
        return
    each = " each" if len(targets) > 1 else ""
    click.echo(
        f"Asks {', '.join(map(str, targets))}{each} at most {limits.connections}"
        f" questions, one connection at a time, for at most {limits.timeout:g} s:"
        f" preambles, a ClientHello, {request}.",
        err=True,
    )


def _unreachable(report: Report, asked_from: str | None) -> str:
    where = str(report.target)
    if asked_from is not None:
        where += f", asked from {asked_from}"
    return f"{where}: {report.unreached}"


_BLANK = "\r\x1b[K"
"""Back to the start of the line, and nothing on it."""


def _progress(trial: Trial) -> None:
    question = trial.question.name
    click.echo(f"{_BLANK}{question}: {trial.answer.said}", nl=False, err=True)


def _said(reports: Sequence[Report], *, as_json: bool, verbose: bool) -> str:
    if as_json:
        import json

        from sslmagic_cli.surveys import described

        # JSON leaves DEL as it is, a terminal does not.
        return json.dumps(described(reports)).replace("\x7f", "\\u007f")
    from sslmagic_cli.surveys import drawn

    return drawn(reports, verbose=verbose)


def _targets(where: str, family: socket.AddressFamily) -> tuple[Target, ...]:
    try:
        return Target.resolve(where, family=family)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        kind = {socket.AF_INET: "IPv4 ", socket.AF_INET6: "IPv6 "}.get(family, "")
        said = f"{where.rpartition(':')[0]} has no {kind}address: {error.strerror}"
        raise CommandError(said, Exit.UNAVAILABLE) from error


def _family(*, is_4: bool, is_6: bool) -> socket.AddressFamily:
    if is_4 and is_6:
        raise click.UsageError("-4 and -6: name one, or neither to ask at both")
    if is_4:
        return socket.AF_INET
    return socket.AF_INET6 if is_6 else socket.AF_UNSPEC


def _within_reach(targets: Sequence[Target], source: str | None) -> Sequence[Target]:
    """Return those that can be asked from this address; the others are named."""
    if source is None:
        return targets
    is_6 = ":" in source
    reached = [one for one in targets if (":" in one.address.host) is is_6]
    others = ", ".join(str(one) for one in targets if one not in reached)
    if not reached:
        raise click.UsageError(f"--from: {source} and {others} are not of one family")
    if others:
        click.echo(f"Not asked, because --from is {source}: {others}.", err=True)
    return reached


def _source(text: str | None) -> str | None:
    if text is None:
        return None
    if "%" in text:
        # The kernel has one such address on each interface, and takes it by itself.
        raise click.UsageError(
            f"--from: {text} has a zone; without --from the kernel takes the address"
            " of the interface that leads to HOST"
        )
    try:
        return host_text(pack_host(text))
    except ValueError as error:
        raise click.UsageError(f"--from: {error}") from None


def _server_name(target: Target) -> str | None:
    """Return the host's name as SNI has it, without a dot behind it (RFC 6066, 3)."""
    return None if target.is_literal else target.name.removesuffix(".")


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
