"""What `magic craft` needs beside the library: the extra of the same name."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from sslmagic_cli.exits import CommandError, Exit

__all__ = ["needed"]


@contextlib.contextmanager
def needed() -> Generator[None]:
    """Name the extra if the block imports what is not installed.

    Raises:
        CommandError: it does.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise CommandError(
            f"magic craft needs {error.name}: pip install 'sslmagic[craft]'",
            Exit.UNAVAILABLE,
        ) from None
