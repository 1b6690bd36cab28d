"""What a server gets hold of before it serves: its addresses and its TLS files.

What goes wrong with them has a type of its own, so that a command can say it in a line;
whatever an application raises keeps its traceback.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Generator
from ssl import SSLContext

from sslmagic.errors import ConfigurationError

__all__ = ["AddressError", "check_chain", "listening_on", "load_chain"]

File = str | os.PathLike[str]


class AddressError(OSError):
    """An address cannot be had; `strerror` says which one."""


@contextlib.contextmanager
def listening_on(place: str | None = None) -> Generator[None]:
    """Have what fails in here say where it was to listen.

    Args:
        place: None if the errors name it themselves.

    Raises:
        AddressError: for each other OSError.
    """
    try:
        yield
    except AddressError:
        raise
    except OSError as error:
        said = error.strerror or str(error)
        if error.filename is not None:
            said = f"{os.fsdecode(error.filename)}: {said}"
        if place is not None:
            said = f"cannot listen on {place}: {said}"
        raise AddressError(error.errno, said) from None


def load_chain(
    context: SSLContext,
    certificate: File,
    key: File | None = None,
    password: str | None = None,
) -> None:
    """Load a certificate, those above it and its key into *context*.

    Args:
        context: a server's.
        certificate: the file, PEM.
        key: None if it is in the same file.
        password: of the key; None to ask for it at the terminal if it has one.

    Raises:
        ConfigurationError: a file cannot be read or is none of TLS.
    """
    try:
        context.load_cert_chain(certificate, key, password)
    except (OSError, ValueError) as error:
        raise _wrong(certificate, key, error) from None


def check_chain(
    certificate: File | None, key: File | None, password: str | None = None
) -> None:
    """Try what a server's workers are going to load.

    A key whose password the server will ask for is left to it.

    Raises:
        ConfigurationError: they could not; each of them would fail and be replaced.
    """
    if certificate is None:
        raise _wrong(certificate, key, "a key goes with a certificate")
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with contextlib.suppress(_AskedError):
        try:
            context.load_cert_chain(certificate, key, password or _ask)
        except (OSError, ValueError) as error:
            raise _wrong(certificate, key, error) from None


class _AskedError(Exception):
    """OpenSSL wants a password."""


def _ask() -> str:
    raise _AskedError


def _wrong(
    certificate: File | None, key: File | None, reason: Exception | str
) -> ConfigurationError:
    # OpenSSL does not say which file.
    files = ", ".join(os.fspath(each) for each in (certificate, key) if each)
    return ConfigurationError(f"TLS with {files}: {reason}")
