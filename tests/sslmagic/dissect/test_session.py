"""session.py: what both ends of TLS say, and the same again from what was kept."""

from __future__ import annotations

import json
import ssl

import pytest
import trustme

from sslmagic.dissect.session import (
    VERSIONS,
    Session,
    Version,
    offered,
    sent_name,
)
from sslmagic.hello import ClientHello


@pytest.fixture(scope="module")
def server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("shop.example").configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_from_hello_to_close(
    server: ssl.SSLContext, version: Version
) -> None:
    session = Session.made(server, version=version, alpn=["h2", "http/1.1"])
    senders = [sender for sender, _ in session.turns]
    assert senders == ["peer", "listener"] * 4
    hello = ClientHello.parse(session.hello)
    assert hello.length == len(session.hello)
    assert hello.server_name == "shop.example"
    assert hello.alpn == (b"h2", b"http/1.1")
    assert hello.versions == (VERSIONS[version],)
    first = session.turns[1][1]
    # A ServerHello, and in the end an alert, in clear or not.
    assert (first[0], first[5]) == (22, 2)
    assert session.turns[-1][1][0] == (21 if version == "1.2" else 23)
    assert session.described() == {
        "server_name": "shop.example",
        "alpn": ["h2", "http/1.1"],
        "versions": [f"TLSv{version}"],
        "early_data": False,
        "length": hello.length,
    }


def test_without_name_and_protocols(server: ssl.SSLContext) -> None:
    hello = ClientHello.parse(Session.made(server, server_name=None).hello)
    assert (hello.server_name, hello.alpn) == (None, ())


def test_what_was_kept_is_the_same(server: ssl.SSLContext) -> None:
    session = Session.made(server)
    assert Session.of(json.loads(json.dumps(session.kept()))) == session


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Shop.Example", "Shop.Example"),
        ("ex_ample.com", "ex_ample.com"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("a" * 63, "a" * 63),
    ],
)
def test_the_name_is_said_as_the_hello_says_it(
    server: ssl.SSLContext, name: str, sent: str
) -> None:
    session = Session.made(server, server_name=name)
    assert session.server_name == sent_name(name) == sent
    assert ClientHello.parse(session.hello).server_name == sent


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "a.", "a..b", "-bad-", "ex ample", "/", "*.example", "a:b"),
        *("192.0.2.1", "2001:db8::1", "a" * 64, ".".join(["a" * 63] * 4), "\ud800"),
    ],
)
def test_what_is_no_name_of_dns(server: ssl.SSLContext, name: str) -> None:
    with pytest.raises(ValueError, match="no name of DNS"):
        Session.made(server, server_name=name)


@pytest.mark.parametrize("protocol", ["", "a" * 256, "h²"])
def test_what_alpn_cannot_offer(server: ssl.SSLContext, protocol: str) -> None:
    with pytest.raises(ValueError, match="1 to 255 octets"):
        Session.made(server, alpn=["h2", protocol])
    assert offered("a" * 255) == "a" * 255
