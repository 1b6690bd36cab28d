"""target.py: one host, however it is named, and never more than one."""

from __future__ import annotations

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.probe.target import Target


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("203.0.113.9:443", "203.0.113.9", 443),
        ("[2001:db8::1]:8443", "2001:db8::1", 8443),
        ("localhost:1", "localhost", 1),
        ("shop.example:65535", "shop.example", 65535),
        ("_a-b.c9.example.:443", "_a-b.c9.example.", 443),
    ],
)
def test_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert Target.parse(text) == (host, port)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("shop.example", "does not end in :PORT"),
        ("shop.example:https", "does not end in :PORT"),
        ("shop.example:0", "port 0"),
        ("shop.example:65536", "port 65536"),
        ("2001:db8::1:443", "brackets"),
        ("10.0.0.0/24:443", "more than one host"),
        ("10.0.0.*:443", "more than one host"),
        ("a.example,b.example:443", "more than one host"),
        ("10.0.0.1-9:443", "no address and no host"),
        ("10.0.0:443", "no address and no host"),
        ("1:443", "no address and no host"),
        ("a b:443", "no address and no host"),
        (":443", "no address and no host"),
        ("224.0.0.1:443", "group"),
        ("[ff02::1]:443", "group"),
        ("255.255.255.255:443", "everybody"),
        ("0.0.0.0:443", "no host's address"),
        ("[::]:443", "no host's address"),
    ],
)
def test_what_is_not_one_host_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Target.parse(text)


@pytest.mark.parametrize("host", ["239.1.2.3", "255.255.255.255", "::", "0.0.0.0"])
def test_a_name_may_not_stand_for_it_either(host: str) -> None:
    with pytest.raises(ValueError, match=host):
        Target(name="everybody.example", address=Endpoint(host, 443))


def test_a_target_has_a_port() -> None:
    with pytest.raises(ValueError, match="port 0"):
        Target(name="shop.example", address=Endpoint("203.0.113.9", 0))


def test_an_address_is_its_own() -> None:
    target = Target.resolve("127.0.0.1:443")
    assert target == Target(name="127.0.0.1", address=Endpoint("127.0.0.1", 443))
    assert target.is_literal
    assert target.is_loopback


def test_a_name_is_asked_by_one_of_its_addresses() -> None:
    target = Target.resolve("localhost:443")
    assert target.name == "localhost"
    assert not target.is_literal
    assert target.is_loopback


def test_elsewhere_is_no_loopback() -> None:
    assert not Target.resolve("203.0.113.9:443").is_loopback


def test_a_name_without_an_address_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match=r"."):
        Target.resolve("nobody.invalid:443")
