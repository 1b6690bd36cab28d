"""The group of commands: each is loaded when it is used, and ends as the others do.

A command is a module of this package that has a `command`. `magic --help` shows the
table of `__main__` and loads none of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from sslmagic_cli import output
from sslmagic_cli.exits import Exit, exit_for

__all__ = ["Commands"]


class Commands(click.Group):
    """A group whose commands are modules, loaded by name.

    Args:
        modules: the name of each command and its help in one line.
    """

    def __init__(self, *, modules: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        for name, summary in modules.items():
            # It stands in for the module in help, completion and suggestions.
            self.add_command(click.Command(name, short_help=summary))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Keep the order of the table, which is the order of need."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Load the module that a name stands for."""
        name, known, rest = super().resolve_command(ctx, args)
        if known is None:
            return name, None, rest
        module = importlib.import_module(f"sslmagic_cli.{name}")
        command: click.Command = module.command
        return name, command, rest

    def run(self, arguments: Sequence[str]) -> NoReturn:
        """Run the command line and end the process with one of `Exit`.

        A failure is one line on standard error. ``--debug`` puts its traceback in
        front of it.
        """
        if question := os.environ.get("_MAGIC_COMPLETE"):
            from click.shell_completion import shell_complete

            sys.exit(shell_complete(self, {}, "magic", "_MAGIC_COMPLETE", question))
        # Looked for before anything is parsed, because parsing may fail as well.
        debug = "--debug" in arguments[:1]
        try:
            with self.make_context("magic", list(arguments)) as context:
                self.invoke(context)
            code: int = Exit.DONE
        except click.exceptions.Exit as ended:
            code = ended.exit_code
        except (KeyboardInterrupt, click.Abort):
            code = Exit.INTERRUPTED
        except BrokenPipeError:
            output.discard()
            code = Exit.PIPE_CLOSED
        except click.UsageError as error:
            code = Exit.USAGE
            _complain(_usage(error), error, debug=debug)
        except Exception as error:  # noqa: BLE001 - nobody is shown a bare traceback
            code = exit_for(error)
            _complain(_line(error, code), error, debug=debug)
        sys.exit(code)


def _usage(error: click.UsageError) -> str:
    what = error.format_message().rstrip(".")
    for theirs, ours in _OURS.items():
        what = what.replace(theirs, ours)
    path = error.ctx.command_path if error.ctx else "magic"
    if what[1:2].islower():
        what = what[0].lower() + what[1:]
    return f"{what} (see {path} --help)"


_OURS = {"a valid float range": "a number", "a valid integer range": "a whole number"}
"""What click calls a number that has limits, and what people do."""


def _line(error: Exception, code: Exit) -> str:
    if code is Exit.FAULT:
        kind = type(error).__name__
        return f"a fault of ours: {kind}: {error} (magic --debug ... shows where)"
    if isinstance(error, OSError):
        output.discard()
        where = error.filename or "standard output"
        return f"{where}: {error.strerror}"
    return str(error)


def _complain(line: str, error: Exception, *, debug: bool) -> None:
    from sslmagic.anatomy import printable

    said = f"magic: {printable(' '.join(line.split()))}"
    if debug:
        import traceback

        said = "".join(traceback.format_exception(error)) + said
    try:
        click.echo(said, err=True)
    except OSError:
        # The code says it as well, where nobody can be told in words.
        output.discard(2)
