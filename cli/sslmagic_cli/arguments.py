"""What the commands' arguments are: addresses, networks, TLVs and times, from text.

IP:PORT  [IP6]:PORT  unix:/path     where a client is, or connected to
the same, without port 0            a node
the same, and :PORT                 where to listen
IP  IP:PORT                         a client
CIDR                                whom to trust
NAME=VALUE                          a TLV
"""

from __future__ import annotations

import math
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

__all__ = ["ADDRESS", "CLIENT", "ENDPOINT", "EXTENSION", "NETWORK", "NODE", "Seconds"]

_UNIX = "unix:"
_YEAR = 31_536_000.0
"""Seconds: whoever wants longer wants 0, and no kernel takes just any number."""


class Seconds(click.FloatRange):
    """A time of at most a year; 0 only where it has a meaning of its own.

    Args:
        zero: whether it has.
    """

    def __init__(self, *, zero: bool = True) -> None:
        super().__init__(min=0, max=_YEAR, min_open=not zero)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; `nan` is in no range, and compares as if it were."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is no time", param, ctx)
        return seconds


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


def _node(text: str) -> Endpoint | UnixEndpoint:
    where = _endpoint(text)
    if text == _UNIX:
        raise ValueError("unix: needs a path")
    if isinstance(where, Endpoint) and not where.port:
        raise ValueError(f"nobody listens on port 0: {text}")
    return where


def _client(text: str) -> Endpoint:
    from sslmagic.address import host_text, pack_host

    try:
        return Endpoint(host_text(pack_host(text.strip("[]"))), 0)
    except ValueError:
        # Without a colon there is no port that could be wrong.
        if ":" not in text:
            raise
        return Endpoint.parse(text)


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
NODE = _Parsed("IP:PORT", _node)
"""As `ENDPOINT`, where somebody can listen."""
CLIENT = _Parsed("IP[:PORT]", _client)
"""An `Endpoint`, with port 0 where none was given."""
NETWORK = _Parsed("CIDR", _network)
"""The text of a network, or unix for UNIX peers, checked; `Trust` takes it so."""
EXTENSION = _Parsed("NAME=VALUE", _extension)
"""A `TLV`."""
