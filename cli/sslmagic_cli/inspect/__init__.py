"""`magic inspect`: which connections of a capture carried which preamble."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from sslmagic.preamble import Endpoint
from sslmagic.wire import FORMATS
from sslmagic_cli.acceptance import EVERYBODY, acceptance_options
from sslmagic_cli.arguments import ADDRESS, NETWORK
from sslmagic_cli.formats import FormatName, layouts

__all__ = ["command"]

_EXAMPLES = """\b
magic inspect node.pcap
magic inspect front.pcap node.pcap --html report.html
tcpdump -i any -U -s 0 -w - tcp port 8443 | magic inspect - --faults
magic inspect node.pcap --connection 3
magic inspect node.pcap --json | jq '.connections[] | .client.host'
"""

_VERDICTS = (
    *("ok", "local", "direct", "missing", "late", "nested", "hello", "silent"),
    *("waiting", "unseen", "format", "version", "command", "family", "length"),
    *("oversize", "line", "address", "tlv", "checksum", "profile", "truncated"),
    *("peer", "source", "transport", "proof", "timeout", "reset"),
)
"""Written out, so that help loads no capture's reader; a test holds it to `Verdict`."""


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """Return nanoseconds since 1970; a time without a zone is UTC, as all are here."""
    if text is None:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time like 2026-11-27T01:02:03") from (
            None
        )
    if at.tzinfo is None:
        at = at.replace(tzinfo=dt.UTC)
    since = at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return since // dt.timedelta(microseconds=1) * 1000


_OF_ALL = {
    "as_csv": "--csv",
    "html": "--html",
    "parquet": "--parquet",
    "totals": "--totals",
    "all_pairs": "--pairs",
    "faults": "--faults",
    "verdicts": "--verdict",
    "clients": "--client",
    "peers": "--peer",
    "listeners": "--listener",
    "names": "--sni",
    "formats": "--format",
    "since": "--since",
    "until": "--until",
}
"""What says something of all connections, or chooses among them."""


def _check_alone(options: dict[str, Any]) -> None:
    for option, name in _OF_ALL.items():
        given = options[option]
        # A time may be 0.
        if given is not None and given is not False and given != ():
            raise click.UsageError(f"--connection shows one: {name} is for all")


@click.command("inspect", epilog=_EXAMPLES)
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@click.option(
    "--connection",
    "number",
    type=click.IntRange(min=1),
    metavar="N",
    help="Show this one in full: its octets, times and names.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.option(
    "--jsonl", "as_lines", is_flag=True, help="Write a line of JSON for each, at once."
)
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV.")
@click.option("--html", metavar="FILE", help="Write a report for a browser.")
@click.option("--parquet", metavar="FILE", help="Write a table; needs pyarrow.")
@click.option("--totals", is_flag=True, help="Leave out the connections.")
@click.option("--pairs", "all_pairs", is_flag=True, help="Show all pairs, not 20.")
@click.option(
    "--check", is_flag=True, help="End with 65 if there is a fault, for scripts."
)
@click.option(
    "--faults",
    is_flag=True,
    help="Only connections with a fault, and those that the listener turned down.",
)
@click.option(
    "--verdict",
    "verdicts",
    type=click.Choice(_VERDICTS),
    metavar="NAME",
    multiple=True,
    help="Only those with this verdict. Repeatable, as all that follow.",
)
@click.option("--client", "clients", type=NETWORK, multiple=True, help="Of whom.")
@click.option("--peer", "peers", type=NETWORK, multiple=True, help="From whom.")
@click.option(
    "--listener",
    "listeners",
    type=ADDRESS,
    multiple=True,
    help="To whom; :PORT for any address.",
)
@click.option(
    "--sni", "names", metavar="GLOB", multiple=True, help="Names that TLS asks for."
)
@click.option(
    "--format",
    "formats",
    type=FormatName("none"),
    multiple=True,
    help="Of the preamble.",
)
@click.option("--since", metavar="TIME", callback=_moment, help="Opened then or later.")
@click.option("--until", metavar="TIME", callback=_moment, help="Opened before.")
@acceptance_options(everything=True)
@click.option("--unsigned", is_flag=True, help="There are no keys: refuse every proof.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="OCTETS",
    help="The longest preamble; the format's own limit if not given.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that read a large file; as many as help if not given.",
)
def command(**options: Any) -> None:
    """Say which connections of a capture carried which preamble, and how.

    CAPTURE is a file of tcpdump or Wireshark, gzip or not; - is standard input, which
    may be live. Several are read as one: both sides of a gateway are found together.

    Connections are judged as by a node with the options from --trust to --limit.
    """
    # Imported here, so that help does not wait for a reader of captures.
    from sslmagic_cli.inspect.inspection import Inspection

    given = [name for name in ("as_json", "as_lines", "as_csv") if options[name]]
    if len(given) > 1:
        raise click.UsageError("--json, --jsonl and --csv are three outputs: give one")
    if options["totals"] and (options["as_lines"] or options["as_csv"]):
        raise click.UsageError(
            "--jsonl and --csv have no totals: --totals goes beside --json, or alone"
        )
    for name in ("html", "parquet"):
        if options[name] == "-":
            raise click.UsageError(f"--{name} wants a file: - is none")
    if options["number"] is not None:
        _check_alone(options)
    listeners: tuple[object, ...] = options["listeners"]
    if not all(isinstance(one, Endpoint) for one in listeners):
        raise click.UsageError("no capture has a UNIX socket in it")
    if options["others"] == "direct" and {*EVERYBODY} <= {*options["trust"]}:
        raise click.UsageError("--others direct: everybody is trusted, say --trust")
    options["accept"] = options["accept"] or (*FORMATS, *layouts())
    code = Inspection(**options).run()
    if code:
        click.get_current_context().exit(code)
