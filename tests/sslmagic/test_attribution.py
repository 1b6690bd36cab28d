"""Whom a request is from: one decision for ASGI and WSGI, counted and logged."""

from __future__ import annotations

import contextlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic import ConfigurationError, Endpoint, Trust, UnixEndpoint
from sslmagic.address import pack_host
from sslmagic.attribution import Attribution, Counters, attributed, peer_at
from sslmagic.headers import (
    Header,
    HeaderError,
    HeaderReason,
    claims_client,
    claims_forwarding,
    folded,
)

GATEWAY = Endpoint("10.0.0.1", 40000)
STRANGER = Endpoint("192.0.2.66", 40000)
TRUST = Trust(peers=["10.0.0.0/8"])
ALL = ("x-cluster-client-ip", "x-forwarded-for", "forwarded")

HOST: Header = (b"host", b"shop.example")
CLUSTER: Header = (b"x-cluster-client-ip", b"203.0.113.9")
FOR: Header = (b"x-forwarded-for", b"6.6.6.6, 203.0.113.9")
FORWARDED: Header = (b"forwarded", b"for=6.6.6.6, for=203.0.113.9;proto=https")
PROTO: Header = (b"x-forwarded-proto", b"https")


def test_only_what_is_accepted_names_a_client() -> None:
    lines = (HOST, FOR, FORWARDED, PROTO)
    said = attributed(lines, peer=GATEWAY, trust=TRUST, preamble=False)
    assert (said.client, said.header, said.headers) == (None, None, lines)
    for name in ("x-forwarded-for", "forwarded"):
        said = attributed(
            lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=[name]
        )
        assert (said.client, said.header) == ("203.0.113.9", name)
        assert not said.removed


def test_what_the_client_said_itself_is_cut_off_and_the_rest_keeps_its_place() -> None:
    lines = [(b"X-Forwarded-For", b"6.6.6.6"), HOST, FOR, PROTO, (FOR[0], b"10.0.0.2")]
    said = attributed(lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=ALL)
    assert said.headers == (HOST, (FOR[0], b"203.0.113.9"), PROTO, lines[-1])


def test_headers_that_agree_name_one_client() -> None:
    lines = [CLUSTER, FOR, FORWARDED]
    said = attributed(lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=ALL)
    assert (said.client, said.header) == ("203.0.113.9", "x-cluster-client-ip")
    lines = [(CLUSTER[0], b"::ffff:203.0.113.9"), FOR]
    said = attributed(lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=ALL)
    assert said.client == "203.0.113.9"


@pytest.mark.parametrize(
    "lines",
    [
        [CLUSTER, (FOR[0], b"203.0.113.10")],
        [CLUSTER, (FORWARDED[0], b"for=203.0.113.10")],
        [FOR, (FORWARDED[0], b"for=203.0.113.10")],
    ],
)
def test_headers_that_disagree_name_nobody(lines: list[Header]) -> None:
    with pytest.raises(HeaderError, match=r"names 203.0.113.9; .* 203.0.113.10") as why:
        attributed(lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=ALL)
    assert why.value.reason is HeaderReason.CONFLICT


@pytest.mark.parametrize("name", [b"X_Forwarded_For", b"x.forwarded-for"])
def test_an_alias_from_a_peer_is_an_error(name: bytes) -> None:
    lines = [FOR, (name, b"203.0.113.9")]
    with pytest.raises(HeaderError) as why:
        attributed(lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=ALL)
    assert why.value.reason is HeaderReason.ALIAS


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded"])
@pytest.mark.parametrize("coding", [b"transfer-encoding", b"Transfer-Encoding"])
def test_no_line_may_be_a_trailer(name: str, coding: bytes) -> None:
    """Which some servers put behind the headers, where the nearest hop's line is."""
    line = {"x-forwarded-for": FOR, "forwarded": FORWARDED}[name]
    trailer = (line[0].title(), line[1].replace(b"203.0.113.9", b"6.6.6.6"))
    lines = [HOST, (coding, b"chunked"), line]
    said = attributed(lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=[name])
    assert said.client == "203.0.113.9"
    with pytest.raises(HeaderError, match=f"2 lines of {name} .* a trailer") as why:
        attributed(
            [*lines, trailer], peer=GATEWAY, trust=TRUST, preamble=False, accept=[name]
        )
    assert why.value.reason is HeaderReason.SEVERAL
    # Where they are not accepted, they name nobody.
    said = attributed([*lines, trailer], peer=GATEWAY, trust=TRUST, preamble=False)
    assert said.client is None


def test_x_cluster_client_ip_goes_where_nobody_asked_for_it() -> None:
    lines = [HOST, (b"X_Cluster_Client_Ip", b"rubbish"), CLUSTER, FOR]
    said = attributed(
        lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=["x-forwarded-for"]
    )
    assert said.client == "203.0.113.9"
    assert said.headers == (HOST, (FOR[0], b"203.0.113.9"))
    assert said.removed


names = st.sampled_from(
    [
        *(CLUSTER[0], b"X_Cluster.Client-IP", FOR[0], b"X_FORWARDED_FOR"),
        *(FORWARDED[0], b"FORWARDED", PROTO[0], HOST[0], b"connection"),
    ]
)
values = st.sampled_from(
    [CLUSTER[1], FOR[1], FORWARDED[1], b"6.6.6.6", b"for=6.6.6.6", b"10.0.0.2", b""]
) | st.binary(max_size=30)
requests = st.lists(st.tuples(names, values), max_size=6)
accepts = st.lists(st.sampled_from(ALL), min_size=1, max_size=3)
strangers = st.sampled_from([STRANGER, Endpoint("::1", 1), UnixEndpoint(), None])


@given(requests, accepts, strangers)
def test_whatever_it_says_a_stranger_never_changes_the_client(
    lines: list[Header], accept: list[str], peer: Endpoint | UnixEndpoint | None
) -> None:
    said = attributed(lines, peer=peer, trust=TRUST, preamble=False, accept=accept)
    assert (said.client, said.header) == (None, None)
    left = {folded(name).decode() for name, _ in said.headers}
    assert left.isdisjoint({"x-cluster-client-ip", *accept})


@given(requests, accepts, strangers | st.just(GATEWAY))
def test_whatever_it_says_nobody_behind_a_preamble_changes_the_client(
    lines: list[Header], accept: list[str], peer: Endpoint | UnixEndpoint | None
) -> None:
    said = attributed(lines, peer=peer, trust=TRUST, preamble=True, accept=accept)
    assert (said.client, said.header) == (None, None)
    kept = tuple(line for line in lines if not claims_forwarding(line[0]))
    assert said.headers == kept
    assert said.removed == (len(kept) < len(lines))


@given(requests, accepts)
def test_whatever_a_peer_says_is_one_address_or_an_error(
    lines: list[Header], accept: list[str]
) -> None:
    with contextlib.suppress(HeaderError):
        said = attributed(
            lines, peer=GATEWAY, trust=TRUST, preamble=False, accept=accept
        )
        assert (said.client is None) == (said.header is None)
        if said.client is not None:
            assert pack_host(said.client)
            assert said.header in accept
        assert sum(claims_client(name) for name, _ in said.headers) <= 1


@pytest.mark.parametrize(
    "accept", ["x-forwarded-for", [], ["x-real-ip"], [*ALL, "x_forwarded_for"]]
)
def test_another_header_cannot_be_accepted(accept: object) -> None:
    with pytest.raises(ConfigurationError, match="accept"):
        Attribution(TRUST, accept)  # type: ignore[arg-type]  # as a user might
    assert Attribution(TRUST, ["Forwarded"]).accept == ("forwarded",)


def test_requests_are_counted() -> None:
    attribution = Attribution(TRUST, ALL)
    assert attribution.counters.snapshot() == Counters().snapshot()
    attribution.decide([CLUSTER], peer=GATEWAY, preamble=False)
    attribution.decide([HOST], peer=GATEWAY, preamble=False)
    attribution.decide([CLUSTER], peer=STRANGER, preamble=False)
    attribution.decide([FOR], peer=None, preamble=False)
    attribution.decide([PROTO], peer=GATEWAY, preamble=True)
    with pytest.raises(HeaderError):
        attribution.decide([CLUSTER, CLUSTER], peer=GATEWAY, preamble=False)
    assert attribution.counters.snapshot() == {
        "named": 1,
        "unnamed": 4,
        "removed": 3,
        "rewritten": 0,
        "refused_several": 1,
    }
    assert set(attribution.counters.refused) == set(HeaderReason)


def test_requests_of_several_threads_are_counted() -> None:
    attribution = Attribution(TRUST)
    began = threading.Barrier(4)

    def serve() -> None:
        began.wait()
        for _ in range(500):
            attribution.decide([CLUSTER], peer=GATEWAY, preamble=False)

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert attribution.counters.named == 2_000


def test_the_log_says_who_and_why_in_few_escaped_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 100.0
    attribution = Attribution(TRUST, clock=lambda: now)
    for _ in range(50):
        with pytest.raises(HeaderError):
            attribution.decide(
                [(CLUSTER[0], b"\x1b[31m\n")], peer=GATEWAY, preamble=False
            )
    assert len(caplog.messages) == 10
    assert {record.name for record in caplog.records} == {"sslmagic"}
    assert caplog.messages[0].startswith("refused 10.0.0.1:40000: address: ")
    assert all(line.isascii() and line.isprintable() for line in caplog.messages)


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("", UnixEndpoint()),
        ("10.0.0.1", Endpoint("10.0.0.1", 7)),
        ("::ffff:10.0.0.1", Endpoint("10.0.0.1", 7)),
        ("fe80::1%eth0", Endpoint("fe80::1", 7)),
        ("testclient", None),
        ("localhost", None),
        ("unix:", None),
    ],
)
def test_a_peer_is_an_address_or_nobody(host: str, peer: Endpoint | None) -> None:
    assert peer_at(host, 7) == peer
