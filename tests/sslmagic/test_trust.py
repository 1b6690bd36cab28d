"""trust.py: three classes of peers, and whatever is unclear is refused."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from sslmagic.errors import ConfigurationError, Reason, UntrustedError
from sslmagic.preamble import Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.trust import Standing, Trust

HERE = ("198.51.100.2", 443)


def at(host: str) -> Endpoint:
    return Endpoint(host, 40000)


@pytest.mark.parametrize(
    ("host", "standing"),
    [
        ("10.0.0.1", Standing.PEER),
        ("10.0.9.1", Standing.DIRECT),
        ("10.0.9.7", Standing.PEER),
        ("::ffff:10.0.0.1", Standing.PEER),
        ("11.0.0.1", Standing.REFUSED),
        ("2001:db8::1", Standing.PEER),
        ("2001:db9::1", Standing.REFUSED),
        ("fe80::1%eth0", Standing.DIRECT),
        ("::1", Standing.REFUSED),
    ],
)
def test_the_most_specific_network_wins(host: str, standing: Standing) -> None:
    trust = Trust(
        peers=["10.0.0.0/8", "10.0.9.7", "2001:db8::/32"],
        direct=["10.0.9.0/24", "fe80::/10"],
    )
    assert trust.standing(at(host)) is standing


def test_others_may_be_direct() -> None:
    trust = Trust(peers=["10.0.0.0/8"], others="direct")
    assert trust.standing(at("11.0.0.1")) is Standing.DIRECT
    assert trust.standing(UnixEndpoint("/run/x")) is Standing.DIRECT
    assert Trust(others="direct").standing(at("10.0.0.1")) is Standing.DIRECT


@pytest.mark.parametrize(
    ("trust", "standing"),
    [
        (Trust(peers=["unix"]), Standing.PEER),
        (Trust(direct=["unix"]), Standing.DIRECT),
        (Trust(peers=["10.0.0.0/8"]), Standing.REFUSED),
    ],
)
def test_unix_peers_are_named_by_a_word(trust: Trust, standing: Standing) -> None:
    assert trust.standing(UnixEndpoint()) is standing


def test_a_mapped_network_is_the_ipv4_network() -> None:
    trust = Trust(peers=["::ffff:10.0.0.0/104"])
    assert trust.standing(at("10.200.0.1")) is Standing.PEER


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "refuse everybody"),
        ({"peers": ["0.0.0.0/0"]}, r"anybody could claim .*anyone \(--anyone\)"),
        ({"peers": ["0.0.0.0/1", "128.0.0.0/1"]}, "anybody could claim"),
        ({"peers": ["::/0"]}, "anybody could claim"),
        ({"peers": ["::ffff:0:0/96"]}, "anybody could claim"),
        ({"peers": ["10.0.0.1/8"]}, "host bits"),
        ({"peers": ["gateway"]}, "'gateway'"),
        ({"peers": ["10.0.0.1,10.0.0.2"]}, "each network by itself"),
        ({"peers": [10]}, "'10'"),
        ({"peers": [b"\x0a\0\0\1"]}, "network"),
        ({"peers": "10.0.0.0/8"}, "give a list"),
        ({"peers": ["10.0.0.0/8"], "direct": ["10.0.0.0/8"]}, "both trusted and"),
        ({"peers": ["unix"], "direct": ["unix"]}, "both trusted and"),
        ({"peers": ["10.0.0.0/8"], "others": "maybe"}, "others='maybe'"),
        ({"peers": ["10.0.0.0/8"], "local": "maybe"}, "local='maybe'"),
        ({"peers": ["10.0.0.0/8"], "formats": []}, "no format"),
        ({"peers": ["10.0.0.0/8"], "formats": ["auto"]}, "'auto'"),
    ],
)
def test_nonsense_is_refused_before_anybody_connects(
    arguments: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Trust(**arguments)  # type: ignore[arg-type]


def test_everybody_may_be_trusted_in_so_many_words() -> None:
    trust = Trust(peers=["0.0.0.0/0", "::/0"], anyone=True)
    assert trust.standing(at("8.8.8.8")) is Standing.PEER
    assert trust.standing(at("2001:db8::1")) is Standing.PEER


def claim(host: str) -> Preamble:
    return Preamble(source=(host, 1), destination=HERE)


def test_a_trusted_peer_is_believed() -> None:
    trust = Trust(peers=["10.0.0.0/8"])
    assert trust.believe(claim("203.0.113.9"), at("10.0.0.1")) == ("203.0.113.9", 1)
    assert trust.believe(claim("192.168.0.1"), at("10.0.0.1")) == ("192.168.0.1", 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_loopback_source_needs_a_loopback_peer(host: str) -> None:
    trust = Trust(peers=["10.0.0.0/8"])
    with pytest.raises(UntrustedError, match="loopback") as caught:
        trust.believe(claim(host), at("10.0.0.1"))
    assert caught.value.reason is Reason.SOURCE
    for peer in (at("127.0.0.1"), at("::1"), UnixEndpoint()):
        assert trust.believe(claim(host), peer) is not None
    allowed = Trust(peers=["10.0.0.0/8"], loopback_sources=True)
    assert allowed.believe(claim(host), at("10.0.0.1")) is not None


def test_a_unix_source_needs_a_unix_peer() -> None:
    preamble = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))
    trust = Trust(peers=["10.0.0.0/8"])
    with pytest.raises(UntrustedError) as caught:
        trust.believe(preamble, at("10.0.0.1"))
    assert caught.value.reason is Reason.SOURCE
    assert trust.believe(preamble, UnixEndpoint()) == UnixEndpoint("/a")
    allowed = Trust(peers=["10.0.0.0/8"], unix_sources=True)
    assert allowed.believe(preamble, at("10.0.0.1")) == UnixEndpoint("/a")


@pytest.mark.parametrize(
    "preamble", [Preamble.local(), Preamble(transport=Transport.UNKNOWN)]
)
def test_a_preamble_without_a_client(preamble: Preamble) -> None:
    peer = at("10.0.0.1")
    assert Trust(peers=["10.0.0.0/8"]).believe(preamble, peer) is None
    assert Trust(peers=["10.0.0.0/8"], local="direct").believe(preamble, peer) == peer
    with pytest.raises(UntrustedError) as caught:
        Trust(peers=["10.0.0.0/8"], local="refuse").believe(preamble, peer)
    assert caught.value.reason is Reason.LOCAL


def test_datagrams_do_not_precede_a_stream() -> None:
    preamble = Preamble(
        source=("203.0.113.9", 1), destination=HERE, transport=Transport.UDP4
    )
    with pytest.raises(UntrustedError) as caught:
        Trust(peers=["10.0.0.0/8"]).believe(preamble, at("10.0.0.1"))
    assert caught.value.reason is Reason.TRANSPORT


def test_immutable_hashable_and_picklable() -> None:
    trust = Trust(
        peers=["10.0.0.0/8", "unix"],
        direct=["10.0.9.0/24"],
        formats="proxy2",
        loopback_sources=True,
    )
    again = pickle.loads(pickle.dumps(trust))
    assert again == trust
    assert hash(again) == hash(trust)
    assert again.standing(at("10.0.9.1")) is Standing.DIRECT
    with pytest.raises(dataclasses.FrozenInstanceError):
        trust.others = "direct"  # type: ignore[misc]


def test_strangers_from_everywhere_leave_no_memory_behind() -> None:
    trust = Trust(peers=["10.0.0.0/8"])
    for number in range(5000):
        host = f"192.0.{number // 250}.{number % 250}"
        assert trust.standing(Endpoint(host, 1)) is Standing.REFUSED
    assert trust.standing(Endpoint("10.0.0.1", 1)) is Standing.PEER
    assert trust.standing(Endpoint("10.0.0.1", 2)) is Standing.PEER
    assert 0 < len(trust._met) <= 1024
    assert pickle.loads(pickle.dumps(trust)) == trust
