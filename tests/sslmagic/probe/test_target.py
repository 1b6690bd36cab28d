"""target.py: one host, however it is named, and never more than one."""

from __future__ import annotations

import socket

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


def only(text: str) -> Target:
    (target,) = Target.resolve(text)
    return target


def test_an_address_is_its_own() -> None:
    target = only("127.0.0.1:443")
    assert target == Target(name="127.0.0.1", address=Endpoint("127.0.0.1", 443))
    assert target.is_literal
    assert str(target) == "127.0.0.1:443"


def test_a_name_is_asked_at_each_of_its_addresses() -> None:
    for target in Target.resolve("localhost:443"):
        assert target.name == "localhost"
        assert not target.is_literal


Places = list[tuple[object, ...]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Places:
    """What the system says of every name."""
    places: Places = []

    def ask(*arguments: object) -> list[tuple[object, ...]]:
        return [(None, None, None, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    return places


def test_addresses_keep_their_order_and_are_asked_once(answers: Places) -> None:
    answers += [("2001:db8::1", 443, 0, 0), ("203.0.113.9", 443)]
    answers += [("2001:db8::1", 443, 0, 0), ("::ffff:203.0.113.9", 443, 0, 0)]
    targets = Target.resolve("shop.example:443")
    assert [str(one) for one in targets] == ["[2001:db8::1]:443", "203.0.113.9:443"]


def test_a_name_of_the_link_has_the_zone_that_the_system_says(answers: Places) -> None:
    (number, name), *_ = socket.if_nameindex()
    answers.append(("fe80::1", 443, 0, number))
    assert str(only("printer.local:443")) == f"[fe80::1%{name}]:443"


def test_a_name_that_stands_for_no_host_is_refused(answers: Places) -> None:
    answers += [("203.0.113.9", 443), ("0.0.0.0", 443)]
    said = r"^blocked\.example: 0\.0\.0\.0 is no host's address"
    with pytest.raises(ValueError, match=said):
        Target.resolve("blocked.example:443")


def test_one_family_can_be_wanted() -> None:
    for target in Target.resolve("localhost:443", family=socket.AF_INET):
        assert target.address.host == "127.0.0.1"
    with pytest.raises(ValueError, match=r"127\.0\.0\.1 is no IPv6 address"):
        Target.resolve("127.0.0.1:443", family=socket.AF_INET6)


def test_a_link_local_address_has_a_zone() -> None:
    (number, name), *_ = socket.if_nameindex()
    for zone in (name, str(number)):
        target = only(f"[fe80::1%{zone}]:443")
        assert (target.address, target.zone) == (Endpoint("fe80::1", 443), name)
        assert target.is_literal
        assert str(target) == f"[fe80::1%{name}]:443"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[fe80::1]:443", r"link-local: name the interface too, as \[fe80::1%eth0\]"),
        ("[fe80::1%]:443", "link-local: name the interface too"),
        ("[2001:db8::1%lo]:443", "not link-local: it has no %ZONE"),
        ("127.0.0.1%lo:443", "not link-local: it has no %ZONE"),
        ("[fe80::1%nowhere9]:443", "this machine has no interface 'nowhere9': it has"),
        ("[ff02::1%lo]:443", "a group's address"),
        ("shop.example%lo:443", "no address and no host's name"),
    ],
)
def test_a_zone_that_leads_nowhere_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Target.resolve(text)


def test_a_name_without_an_address_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match=r"."):
        Target.resolve("nobody.invalid:443")
