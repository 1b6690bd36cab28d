"""Seams: where our servers hold on to others', and what happens when these change.

Nothing raises by itself when a library no longer asks for a class or method that we
have put in its way: it would serve on, and believe what clients say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sslmagic.errors import ConfigurationError
from sslmagic.wsgi import Application, Environ

__all__ = ["introduced", "require"]


def require(owner: type, *names: str) -> None:
    """Make sure that a class of another library has what ours puts in its place.

    Raises:
        ConfigurationError: it has no such attribute, so that ours would do nothing.
    """
    for name in names:
        if not hasattr(owner, name):
            raise ConfigurationError(
                f"this {owner.__module__.partition('.')[0]} has no {owner.__name__}."
                f"{name}, without which its clients cannot be told: another version,"
                " of it or of sslmagic, is needed"
            )


def introduced(app: Application) -> Application:
    """Return an application that is called only with environs that have their client.

    The others have not been through `sslmagic.wsgi.introduce`: their headers may name
    anybody. For them it raises a ConfigurationError, of which a server makes a 500.
    """

    def guarded(environ: Environ, start_response: Any) -> Iterable[bytes]:
        if "sslmagic.peer" not in environ:
            raise ConfigurationError("the server has a way round sslmagic to its app")
        return app(environ, start_response)

    return guarded
