"""X-Forwarded-For and Forwarded: an address is worth what the hop to its right is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic import Endpoint, Trust, UnixEndpoint
from sslmagic.address import host_text, is_loopback, pack_host
from sslmagic.forwarded import (
    Walk,
    is_named,
    walk_forwarded,
    walk_x_forwarded_for,
)
from sslmagic.headers import HeaderError, HeaderReason
from sslmagic.trust import Standing
from tests.fuzz.strategies import sources

GATEWAY = Endpoint("10.0.0.1", 40000)
TRUST = Trust(peers=["10.0.0.0/8", "2001:db8:f::/48"], direct=["10.9.0.0/16"])


def xff(*values: bytes, trust: Trust = TRUST) -> Walk:
    return walk_x_forwarded_for(values, peer=GATEWAY, trust=trust)


def fwd(*values: bytes, trust: Trust = TRUST) -> Walk:
    return walk_forwarded(values, peer=GATEWAY, trust=trust)


@pytest.mark.parametrize(
    ("values", "client", "kept"),
    [
        ([b"203.0.113.9"], "203.0.113.9", [b"203.0.113.9"]),
        ([b"203.0.113.9, 10.0.0.2"], "203.0.113.9", [b"203.0.113.9, 10.0.0.2"]),
        ([b"6.6.6.6, 203.0.113.9"], "203.0.113.9", [b"203.0.113.9"]),
        ([b"10.0.0.3,203.0.113.9,10.0.0.2"], "203.0.113.9", [b"203.0.113.9,10.0.0.2"]),
        ([b"\0\xff, ,\"'; 203.0.113.9"], None, []),
        ([b"\0\xff, ,\"';,\t203.0.113.9\t"], "203.0.113.9", [b"203.0.113.9\t"]),
        ([b"10.0.0.3, 10.0.0.2"], "10.0.0.3", [b"10.0.0.3, 10.0.0.2"]),
        ([b"10.9.0.1, 10.0.0.2"], "10.9.0.1", [b"10.9.0.1, 10.0.0.2"]),
        ([b"6.6.6.6, 10.9.0.1"], "10.9.0.1", [b"10.9.0.1"]),
        ([b"6.6.6.6", b"203.0.113.9"], "203.0.113.9", [b"203.0.113.9"]),
        (
            [b"6.6.6.6", b"7.7.7.7, 203.0.113.9", b"10.0.0.2, 10.0.0.3"],
            "203.0.113.9",
            [b"203.0.113.9", b"10.0.0.2, 10.0.0.3"],
        ),
        ([b"10.0.0.3", b"10.0.0.2"], "10.0.0.3", [b"10.0.0.3", b"10.0.0.2"]),
        ([b"203.0.113.9:5123"], "203.0.113.9", [b"203.0.113.9:5123"]),
        ([b"203.0.113.9, 10.0.0.2:80"], "203.0.113.9", [b"203.0.113.9, 10.0.0.2:80"]),
        ([b"[2001:DB8::9]:443"], "2001:db8::9", [b"[2001:DB8::9]:443"]),
        ([b"[2001:db8::9]"], "2001:db8::9", [b"[2001:db8::9]"]),
        ([b"2001:db8::9"], "2001:db8::9", [b"2001:db8::9"]),
        (
            [b"6.6.6.6,2001:db8::9,[2001:db8:f::1]:80"],
            "2001:db8::9",
            [b"2001:db8::9,[2001:db8:f::1]:80"],
        ),
        ([b"::ffff:203.0.113.9"], "203.0.113.9", [b"::ffff:203.0.113.9"]),
        ([b"6.6.6.6, ::ffff:10.0.0.2"], "6.6.6.6", [b"6.6.6.6, ::ffff:10.0.0.2"]),
    ],
)
def test_x_forwarded_for_is_walked_from_the_right(
    values: list[bytes], client: str | None, kept: list[bytes]
) -> None:
    if client is None:
        with pytest.raises(HeaderError):
            xff(*values)
        return
    assert xff(*values) == Walk(client=client, values=tuple(kept))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", HeaderReason.ADDRESS),
        (b"203.0.113.9,", HeaderReason.ADDRESS),
        (b"203.0.113.9, , 10.0.0.2", HeaderReason.ADDRESS),
        (b"203.0.113.9, shop.example", HeaderReason.ADDRESS),
        (b"203.0.113.9:", HeaderReason.ADDRESS),
        (b"203.0.113.9:65536", HeaderReason.ADDRESS),
        (b"203.0.113.9:-1", HeaderReason.ADDRESS),
        (b"203.0.113.9:http", HeaderReason.ADDRESS),
        (b"203.0.113.9:_hidden", HeaderReason.ADDRESS),
        (b"203.0.113.09", HeaderReason.ADDRESS),
        (b"[203.0.113.9]:80", HeaderReason.ADDRESS),
        (b"[2001:db8::9", HeaderReason.ADDRESS),
        (b"[2001:db8::9%25eth0]", HeaderReason.ADDRESS),
        (b'"203.0.113.9"', HeaderReason.ADDRESS),
        (b"for=203.0.113.9", HeaderReason.ADDRESS),
        (b"unix:", HeaderReason.ADDRESS),
        (b"1" * 60_000, HeaderReason.ADDRESS),
        (b"unknown", HeaderReason.HIDDEN),
        (b"203.0.113.9, UNKNOWN, 10.0.0.2", HeaderReason.HIDDEN),
        (b"_secret", HeaderReason.HIDDEN),
        (b"127.0.0.1", HeaderReason.SOURCE),
        (b"[::1]:80", HeaderReason.SOURCE),
        (b"203.0.113.9, 127.0.0.1", HeaderReason.SOURCE),
        (b"0.0.0.0", HeaderReason.SOURCE),
        (b"224.0.0.1, 10.0.0.2", HeaderReason.SOURCE),
    ],
)
def test_what_is_walked_to_must_be_one_believable_address(
    value: bytes, reason: HeaderReason
) -> None:
    with pytest.raises(HeaderError) as caught:
        xff(value)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("values", "client", "kept"),
    [
        ([b"for=203.0.113.9"], "203.0.113.9", [b"for=203.0.113.9"]),
        ([b'For="203.0.113.9:443"'], "203.0.113.9", [b'For="203.0.113.9:443"']),
        ([b'FOR="[2001:DB8::9]:443"'], "2001:db8::9", [b'FOR="[2001:DB8::9]:443"']),
        ([b'for="[2001:db8::9]"'], "2001:db8::9", [b'for="[2001:db8::9]"']),
        ([b'for="203.0.113.9:_port"'], "203.0.113.9", [b'for="203.0.113.9:_port"']),
        ([rb'for="203.0\.113.9"'], "203.0.113.9", [rb'for="203.0\.113.9"']),
        (
            [b'by=10.0.0.1; for=203.0.113.9 ;host="a,b;c\\"d";;proto=https'],
            "203.0.113.9",
            [b'by=10.0.0.1; for=203.0.113.9 ;host="a,b;c\\"d";;proto=https'],
        ),
        (
            [b'for=6.6.6.6, for=203.0.113.9;host="x,y", for="10.0.0.2:80"'],
            "203.0.113.9",
            [b'for=203.0.113.9;host="x,y", for="10.0.0.2:80"'],
        ),
        ([b"for=10.0.0.3, for=10.0.0.2"], "10.0.0.3", [b"for=10.0.0.3, for=10.0.0.2"]),
        ([b"for=6.6.6.6", b"for=203.0.113.9"], "203.0.113.9", [b"for=203.0.113.9"]),
        ([b'for="', b"for=203.0.113.9"], "203.0.113.9", [b"for=203.0.113.9"]),
        # Read forwards, each of these has the proxy's words inside the client's quotes.
        ([b'x=", for=203.0.113.9'], "203.0.113.9", [b"for=203.0.113.9"]),
        ([b'for=", for="203.0.113.9"'], "203.0.113.9", [b'for="203.0.113.9"']),
        (
            [b'x="\\, for="[2001:db8::9]:1";by="_a"'],
            "2001:db8::9",
            [b'for="[2001:db8::9]:1";by="_a"'],
        ),
        (
            [b'for=6.6.6.6;x=", for=203.0.113.9;y="z"'],
            "203.0.113.9",
            [b'for=203.0.113.9;y="z"'],
        ),
        (
            [b'"", for=203.0.113.9;y="a\\\\"'],
            "203.0.113.9",
            [b'for=203.0.113.9;y="a\\\\"'],
        ),
        (
            [b'"", for=203.0.113.9;y="\\", for=6.6.6.6;z=\\""'],
            "203.0.113.9",
            [b'for=203.0.113.9;y="\\", for=6.6.6.6;z=\\""'],
        ),
    ],
)
def test_forwarded_is_walked_from_the_right(
    values: list[bytes], client: str, kept: list[bytes]
) -> None:
    assert fwd(*values) == Walk(client=client, values=tuple(kept))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", HeaderReason.ADDRESS),
        (b"for=203.0.113.9,", HeaderReason.ADDRESS),
        (b"proto=https", HeaderReason.ADDRESS),
        (b"for=203.0.113.9, by=10.0.0.2", HeaderReason.ADDRESS),
        (b"for=", HeaderReason.ADDRESS),
        (b'for=""', HeaderReason.ADDRESS),
        (b"for = 203.0.113.9", HeaderReason.ADDRESS),
        (b"for=203.0.113.9:443", HeaderReason.ADDRESS),
        (b"for=[2001:db8::9]", HeaderReason.ADDRESS),
        (b'for="2001:db8::9"', HeaderReason.ADDRESS),
        (b'for="[203.0.113.9]"', HeaderReason.ADDRESS),
        (b'for="203.0.113.9', HeaderReason.ADDRESS),
        (b'for=203.0.113.9"', HeaderReason.ADDRESS),
        (b'for="203.0.113.9"x', HeaderReason.ADDRESS),
        (b'for="203.0.113.9:65536"', HeaderReason.ADDRESS),
        (b'for="203.0.113.9\\"', HeaderReason.ADDRESS),
        (b'for="203.0.113.9\0"', HeaderReason.ADDRESS),
        (b"for=203.0.113.9 proto=https", HeaderReason.ADDRESS),
        (b"203.0.113.9", HeaderReason.ADDRESS),
        (b"for=203.0.113.9;FOR=203.0.113.9", HeaderReason.SEVERAL),
        (b"for=203.0.113.9;by=a;by=b", HeaderReason.SEVERAL),
        (b"for=unknown", HeaderReason.HIDDEN),
        (b'for="Unknown:80"', HeaderReason.HIDDEN),
        (b"for=203.0.113.9, for=_mdn", HeaderReason.HIDDEN),
        (b'for="_mdn:_80"', HeaderReason.HIDDEN),
        (b"for=127.0.0.1", HeaderReason.SOURCE),
        (b'for=203.0.113.9, for="[::1]"', HeaderReason.SOURCE),
    ],
)
def test_an_element_of_forwarded_must_name_one_believable_address(
    value: bytes, reason: HeaderReason
) -> None:
    with pytest.raises(HeaderError) as caught:
        fwd(value)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("walk", "element"), [(walk_x_forwarded_for, b"%b"), (walk_forwarded, b"for=%b")]
)
def test_loopback_is_believed_from_a_hop_that_is_near(
    walk: Callable[..., Walk], element: bytes
) -> None:
    """What a proxy calls loopback is its own machine, whatever the peer's is."""
    trust = Trust(peers=["127.0.0.1", "10.0.0.0/8", "unix"])
    near = b"%b, %b" % (element % b"6.6.6.6", element % b"127.0.0.1")
    for peer in (Endpoint("127.0.0.1", 1), UnixEndpoint()):
        assert walk([near], peer=peer, trust=trust).client == "6.6.6.6"
    with pytest.raises(HeaderError, match="loopback source"):
        walk([near], peer=GATEWAY, trust=trust)
    with pytest.raises(HeaderError, match="loopback source"):
        walk([near + b"," + element % b"10.0.0.2"], peer=UnixEndpoint(), trust=trust)


@pytest.mark.parametrize(
    ("walk", "value"),
    [
        (walk_forwarded, b"for=203.0.113.9;" + b" " * 60_000 + b"!x"),
        (walk_forwarded, b'for="' + b"\\" * 60_000),
        (walk_forwarded, b'for=1;x="' + b'\\"' * 30_000 + b'"'),
        (walk_forwarded, b'"' * 60_000),
        (walk_forwarded, b'for="' + b":" * 60_000 + b'"'),
        (walk_forwarded, b";" * 60_000),
        (walk_x_forwarded_for, b"[" + b":" * 60_000),
        (walk_x_forwarded_for, b"x, " + b",".join([b"10.0.0.2"] * 6_000)),
    ],
)
def test_no_value_takes_long(walk: Callable[..., Walk], value: bytes) -> None:
    began = time.process_time()
    with pytest.raises(HeaderError):
        walk([value], peer=GATEWAY, trust=TRUST)
    assert time.process_time() - began < 1.0


strangers = sources.filter(
    lambda host: (
        TRUST.standing(Endpoint(host, 0)) is not Standing.PEER
        and not is_loopback(pack_host(host))
    )
)
proxies = st.integers(0, 255).map(lambda last: f"10.0.0.{last}")


@given(
    words=st.binary(max_size=40) | st.just(b'for="') | st.just(b"6.6.6.6"),
    client=strangers,
    hops=st.lists(proxies, max_size=5),
    port=st.none() | st.integers(1, 65535),
    data=st.data(),
)
@pytest.mark.parametrize("walk", [walk_x_forwarded_for, walk_forwarded])
def test_no_walk_goes_left_of_who_is_not_ours(
    walk: Callable[..., Walk],
    words: bytes,
    client: str,
    hops: list[str],
    port: int | None,
    data: st.DataObject,
) -> None:
    """Whatever he wrote in front, and wherever the proxies broke the lines."""
    told = [_element(walk, address, port) for address in (client, *hops)]
    values = [words]
    for element in told:
        if data.draw(st.booleans()):
            values.append(element)
        else:
            values[-1] += b", " + element
    walked = walk(values, peer=GATEWAY, trust=TRUST)
    assert walked.client == host_text(pack_host(client))
    assert b", ".join(walked.values) == b", ".join(told)


def _element(walk: Callable[..., Walk], address: str, port: int | None) -> bytes:
    """What a proxy that was asked from *address* appends."""
    text = address if port is None else str(Endpoint(address, port))
    if walk is walk_x_forwarded_for:
        return text.encode()
    if ":" in address and port is None:
        text = f"[{address}]"
    return (f'for="{text}"' if ":" in text else f"for={text}").encode()


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_octets_are_an_address_or_an_error(values: list[bytes]) -> None:
    for walk in (walk_x_forwarded_for, walk_forwarded):
        with contextlib.suppress(HeaderError):
            walked = walk(values, peer=GATEWAY, trust=TRUST)
            assert host_text(pack_host(walked.client)) == walked.client


FOR, FORWARDED = b"x-forwarded-for", b"forwarded"


@pytest.mark.parametrize(
    ("host", "name", "value"),
    [
        ("10.0.0.7", FOR, b"6.6.6.6, 10.0.0.7"),
        ("10.0.0.7", FOR, b"10.0.0.7:01234"),
        ("10.0.0.7", FOR, b"10.0.0.7: +1_234"),
        ("10.0.0.7", FOR, b"[10.0.0.7]:x"),
        ("10.0.0.7", FOR, b'"10.0.0.7"'),
        ("10.0.0.7", FOR, b"010.0.0.07."),
        ("10.0.0.7", FOR, b"::FFFF:10.0.0.7"),
        ("10.0.0.7", FOR, b"[::ffff:0a00:7]:80"),
        ("::ffff:10.0.0.7", FOR, b"10.0.0.7"),
        ("2001:db8::7", FOR, b"2001:0DB8:0::0007"),
        ("2001:db8::7", FOR, b"[2001:db8::7] :80"),
        ("2001:db8::7", FOR, b"2001:db8::7:" + b"0" * 90 + b"80"),
        ("fe80::7%eth0", FOR, b"fe80::7%25eth1"),
        ("10.0.0.7", b"X_Forwarded_For", b"10.0.0.7"),
        ("10.0.0.7", b"X-Real-IP", b"10.0.0.7"),
        ("10.0.0.7", FORWARDED, b"for=10.0.0.7"),
        ("10.0.0.7", FORWARDED, b'proto=http; FOR = "10.0.0.7:_x"'),
        ("10.0.0.7", FORWARDED, b'for="1\\0.0.0.7"'),
        ("2001:db8::7", FORWARDED, b'for="[2001:db8::7]:80";by=10.0.0.1'),
    ],
)
def test_an_address_is_named_however_it_is_written(
    host: str, name: bytes, value: bytes
) -> None:
    assert is_named(host, [(b"host", b"x"), (name, value)])


@pytest.mark.parametrize(
    ("host", "name", "value"),
    [
        ("10.0.0.7", FOR, b"110.0.0.7, 10.0.0.70, 10.0.0, 7, 10.0.0.7.1"),
        ("2001:db8::7", FOR, b"2001:db8::8:7, 2001:db8::70"),
        ("10.0.0.7", FORWARDED, b"for=203.0.113.9;by=10.0.0.7;host=10.0.0.7"),
        ("10.0.0.7", b"x-cluster-client-ip", b"10.0.0.7"),
        ("10.0.0.7", b"x-forwarded-host", b"10.0.0.7"),
        ("testclient", FOR, b"testclient"),
    ],
)
def test_nothing_else_is_named(host: str, name: bytes, value: bytes) -> None:
    assert not is_named(host, [(name, value)])


@given(sources, st.integers(0, 65535), st.binary(max_size=8))
def test_who_is_walked_to_is_named(host: str, port: int, rest: bytes) -> None:
    for name, walk in ((FOR, walk_x_forwarded_for), (FORWARDED, walk_forwarded)):
        for element in (_element(walk, host, None), _element(walk, host, port)):
            assert is_named(host, [(name, rest + b", " + element)])


@pytest.mark.parametrize(
    "value", [b"1" * 60_000, b"1." * 30_000, b"1:" * 30_000, b"::1," * 15_000]
)
def test_no_value_is_searched_long(value: bytes) -> None:
    # The time of this thread alone: what else the machine does takes no time of it.
    started = time.thread_time()
    assert not is_named("10.0.0.7", [(FOR, value), (FORWARDED, b"for=" + value)])
    assert time.thread_time() - started < 1
