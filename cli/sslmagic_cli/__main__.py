"""`magic`, `sslmagic` and `python -m sslmagic_cli`: the table of commands."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from sslmagic_cli.exits import Exit
from sslmagic_cli.group import Commands

__all__ = ["COMMANDS", "magic", "main"]

COMMANDS = {
    "encode": "Write the preamble that announces a client.",
    "decode": "Take the preamble off FILE or standard input and say what it holds.",
    "craft": "Write a capture of connections with a preamble, good ones or broken.",
    "inspect": "Say which connections of a capture carried which preamble, and how.",
    "learn": "Find the layout of preambles in a capture of known clients.",
    "gateway": "Accept clients, and pass what they say on to nodes behind a preamble.",
    "node": "Take the preamble off connections, and pass them on to the server behind.",
    "probe": "Tell from outside what a listener does with preambles.",
    "wireshark": "Install the dissector that shows preambles in Wireshark and tshark.",
    "demo": "See a client's address arrive behind TLS passthrough.",
}
"""The name of each command's module and its help in one line.

The help stands here as well as in the module, so that `magic --help` loads none.
"""


@click.group(
    cls=Commands,
    modules=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Show where a failure comes from.")
@click.version_option(
    None, "-V", "--version", package_name="sslmagic", message="%(prog)s %(version)s"
)
@click.pass_context
def magic(context: click.Context, *, debug: bool) -> None:
    """Carry a client's address through TLS passthrough."""
    # Commands.run reads --debug: it holds for failures of parsing as well.
    del debug
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(Exit.USAGE)


def main() -> NoReturn:
    """Run the command line; the entry point of the console scripts."""
    magic.run(sys.argv[1:])


if __name__ == "__main__":
    main()
