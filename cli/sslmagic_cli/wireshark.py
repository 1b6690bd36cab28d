"""`magic wireshark`: the dissector that shows preambles in Wireshark and tshark."""

from __future__ import annotations

from pathlib import Path

import click

from sslmagic.dissect import wireshark
from sslmagic_cli import output
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["command"]


# Without a command it is an error of one line, like every other, and no page of help.
@click.group("wireshark", no_args_is_help=False)
def command() -> None:
    """Install the dissector that shows preambles in Wireshark and tshark."""


@command.command("install")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of plugins; the personal one of Wireshark if not given.",
)
@click.option("--remove", is_flag=True, help="Take it away again.")
def install(*, folder: Path | None, remove: bool) -> None:
    """Put the dissector where Wireshark and tshark load it from.

    A file of its name that is not sslmagic's is never touched.
    """
    folder = folder or wireshark.personal_folder()
    try:
        done = wireshark.remove(folder) if remove else wireshark.install(folder)
    except OSError as error:
        where = error.filename or folder
        what = error.strerror or str(error)
        raise CommandError(f"{where}: {what}", Exit.CANNOT_CREATE) from error
    output.say(_said(done))


@command.command("path")
def path() -> None:
    """Say where the dissector is, for tshark -X lua_script:FILE."""
    output.say(str(wireshark.DISSECTOR))


def _said(done: wireshark.Change) -> str:
    if done.now is None:
        if done.before is None:
            return f"{done.path} is not there"
        return f"removed {done.path} (version {done.before})"
    if done.before is None:
        return f"installed {done.path} (version {done.now})"
    if done.before == done.now:
        return f"installed {done.path} again (version {done.now})"
    return f"installed {done.path} (version {done.now}, was {done.before})"
