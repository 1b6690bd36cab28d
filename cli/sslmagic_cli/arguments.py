"""What the commands' arguments are: addresses, networks and TLVs, read from text.

IP:PORT  [IP6]:PORT  unix:/path     where a client is, or connected to
the same, and :PORT                 where to listen
CIDR                                whom to trust
NAME=VALUE                          a TLV
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.tlv import TLV

if TYPE_CHECKING:
    # Generic for type checkers only: click before 8.5 cannot be subscripted.
    Parameter = click.ParamType[Any]
else:
    Parameter = click.ParamType

__all__ = ["ADDRESS", "ENDPOINT", "EXTENSION", "NETWORK"]

_UNIX = "unix:"


class _Parsed(Parameter):
    """A parameter that one function reads; its `ValueError` says what is wrong."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self._parse = parse

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Return what the text says; click asks again with a value it has read."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _endpoint(text: str) -> Endpoint | UnixEndpoint:
    if text.startswith(_UNIX):
        return UnixEndpoint(text.removeprefix(_UNIX))
    return Endpoint.parse(text)


def _address(text: str) -> Endpoint | UnixEndpoint:
    if text.startswith(":"):
        return Endpoint("", Endpoint.parse(f"0.0.0.0{text}").port)
    if text == _UNIX:
        raise ValueError("unix: needs a path")
    return _endpoint(text)


def _network(text: str) -> str:
    if text == "unix":
        return text
    import ipaddress

    network = ipaddress.ip_network(text, strict=False)
    host = ipaddress.ip_interface(text).ip
    if host != network.network_address:
        raise ValueError(f"{text} has host bits set: is it {network} or {host}?")
    return str(network)


def _extension(text: str) -> TLV:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return TLV.parse(name, value)


ENDPOINT = _Parsed("IP:PORT", _endpoint)
"""An `Endpoint` or `UnixEndpoint`."""
ADDRESS = _Parsed("ADDR", _address)
"""As `ENDPOINT`; ``:PORT`` gives the host "", every address of both families."""
NETWORK = _Parsed("CIDR", _network)
"""The text of a network, or unix for UNIX peers, checked; `Trust` takes it so."""
EXTENSION = _Parsed("NAME=VALUE", _extension)
"""A `TLV`."""
