"""arguments.py: what people type, read once for all commands."""

from __future__ import annotations

import click
import pytest

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.trust import Trust
from sslmagic_cli.arguments import (
    ADDRESS,
    CLIENT,
    ENDPOINT,
    EXTENSION,
    NETWORK,
    NODE,
    Seconds,
)

IPV4 = ("203.0.113.9:51234", Endpoint("203.0.113.9", 51234))
IPV6 = ("[2001:db8::1]:443", Endpoint("2001:db8::1", 443))
UNIX = ("unix:/run/a:b", UnixEndpoint("/run/a:b"))


@pytest.mark.parametrize(
    ("text", "endpoint"), [IPV4, IPV6, UNIX, ("unix:", UnixEndpoint(""))]
)
def test_endpoint(text: str, endpoint: object) -> None:
    assert ENDPOINT.convert(text, None, None) == endpoint


@pytest.mark.parametrize(
    ("text", "endpoint"), [IPV4, IPV6, UNIX, (":443", Endpoint("", 443))]
)
def test_address(text: str, endpoint: object) -> None:
    assert ADDRESS.convert(text, None, None) == endpoint


@pytest.mark.parametrize(("text", "endpoint"), [IPV4, IPV6, UNIX])
def test_node(text: str, endpoint: object) -> None:
    assert NODE.convert(text, None, None) == endpoint


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        IPV4,
        IPV6,
        ("203.0.113.9", Endpoint("203.0.113.9", 0)),
        ("2001:db8::1", Endpoint("2001:db8::1", 0)),
        ("[2001:db8::1]", Endpoint("2001:db8::1", 0)),
    ],
)
def test_client(text: str, endpoint: object) -> None:
    assert CLIENT.convert(text, None, None) == endpoint


def test_seconds() -> None:
    assert Seconds().convert("0", None, None) == 0
    assert Seconds(zero=False).convert("0.5", None, None) == 0.5


def test_a_network_is_one_that_trust_takes() -> None:
    text = NETWORK.convert("10.0.0.0/8", None, None)
    assert isinstance(text, str)
    Trust(peers=[text])


def test_an_extension() -> None:
    assert EXTENSION.convert("UNIQUE_ID=a=b", None, None) == TLV(5, b"a=b")


def test_what_is_read_is_not_read_again() -> None:
    """click converts a default that is no text as well."""
    assert ENDPOINT.convert(IPV4[1], None, None) is IPV4[1]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (ENDPOINT, "203.0.113.9", ":PORT"),
        (ENDPOINT, "203.0.113.9:65536", "65535"),
        (ENDPOINT, "203.0.113.09:1", "203.0.113.09"),
        (ENDPOINT, "2001:db8::1:443", "brackets"),
        (ENDPOINT, "shop.example:443", "shop.example"),
        (ENDPOINT, ":443", "''"),
        (ADDRESS, ":https", ":PORT"),
        (ADDRESS, "unix:", "path"),
        (CLIENT, "203.0.113", "no literal IP address"),
        (CLIENT, "203.0.113.9:https", ":PORT"),
        (NODE, "203.0.113.9:0", "port 0"),
        (NODE, "unix:", "path"),
        (Seconds(), "nan", "nan is no time"),
        (Seconds(), "inf", "31536000"),
        (Seconds(), "-1", "range"),
        (Seconds(zero=False), "0", "range"),
        (NETWORK, "10.0.0.1/8", r"is it 10\.0\.0\.0/8 or 10\.0\.0\.1\?"),
        (NETWORK, "10.0.0.0/33", "10.0.0.0/33"),
        (EXTENSION, "AUTHORITY", "NAME=VALUE"),
        (EXTENSION, "NOSUCH=x", "NOSUCH"),
        (EXTENSION, "CRC32C=00", "CRC32C"),
    ],
)
def test_what_cannot_be_read_is_named(
    kind: click.ParamType[object], text: str, said: str
) -> None:
    with pytest.raises(click.BadParameter, match=said):
        kind.convert(text, None, None)
