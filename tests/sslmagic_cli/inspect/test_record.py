"""record.py: the object of `inspect --json`, name by name as it is promised."""

from __future__ import annotations

import json

import pytest

from sslmagic.capture.conversation import Counts, Ended
from sslmagic.capture.judge import Judge
from sslmagic.capture.pairs import Pairs
from sslmagic.capture.totals import Totals
from sslmagic.preamble import Preamble, UnixEndpoint
from sslmagic.tlv import TLV, Type
from sslmagic.trust import Trust
from sslmagic.wire import encode
from sslmagic_cli.inspect.record import (
    body,
    moment,
    nanoseconds,
    paired,
    recorded,
    summed,
)
from tests.sslmagic.capture.made import (
    CLIENT,
    MS,
    PREAMBLE,
    SHOP,
    START,
    conversation,
    hello,
    judged,
)


def test_the_promised_object() -> None:
    preamble = Preamble(
        source=CLIENT,
        destination=SHOP,
        tlvs=[TLV(Type.AUTHORITY, b"shop.example")],
    )
    octets = encode(preamble, "proxy2")
    one = judged(
        octets + hello(),
        b"\x15\x03\x03\0\2\2\x0a",
        number=7,
        ended=Ended.CLOSED,
        ended_by="peer",
        retransmitted=2,
    )
    assert recorded(one) == {
        "number": 7,
        "capture": "node.pcapng",
        "peer": {"host": "10.0.0.5", "port": 40112},
        "listener": {"host": "10.0.1.7", "port": 8443},
        "vlans": [],
        "begun": True,
        "opened": "2026-11-27T01:00:00.000000000Z",
        "verdict": "ok",
        "words": "the client is 203.0.113.9:51234; the listener answers with a TLS"
        " alert (unexpected_message): it may read no preamble, or none from this peer",
        "offset": None,
        "format": "proxy2",
        "client": {"host": "203.0.113.9", "port": 51234},
        "preamble": {
            "format": "proxy2",
            "command": "PROXY",
            "transport": "TCP4",
            "source": {"host": "203.0.113.9", "port": 51234},
            "destination": {"host": "198.51.100.2", "port": 443},
            "tlvs": [
                {
                    "type": 2,
                    "name": "AUTHORITY",
                    "value": "shop.example",
                    "hex": "73686f702e6578616d706c65",
                }
            ],
            "length": len(octets),
            "proof": None,
        },
        "follows": "tls",
        "tls": {
            "server_name": "shop.example",
            "alpn": ["h2", "http/1.1"],
            "versions": ["TLSv1.3", "TLSv1.2"],
            "early_data": False,
            "length": len(hello()),
        },
        "answer": "alert: unexpected_message",
        "seconds": {
            "accepted": 0.0005,
            "preamble": 0.001,
            "hello": 0.001,
            "answer": 0.021,
            "closed": 0.5,
        },
        "ended": "closed",
        "ended_by": "peer",
        "octets": {"peer": len(octets) + len(hello()), "listener": 7},
        "packets": 6,
        "retransmitted": 2,
        "reordered": 0,
        "conflicting": 0,
        "pair": None,
    }


def test_what_is_not_there_is_null() -> None:
    said = recorded(judged(b"\xcd\x03\x03\xff\xff"))
    for name in ("client", "preamble", "tls", "answer", "ended_by", "pair"):
        assert said[name] is None
    assert (said["verdict"], said["offset"], said["format"]) == ("oversize", 3, "magic")
    assert said["seconds"]["closed"] is None


def test_a_unix_client_is_a_path() -> None:
    unix = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))
    said = recorded(judged(encode(unix)))
    assert said["preamble"] is None
    assert said["verdict"] == "source"
    trust = Trust(["10.0.0.0/8"], formats=["magic"], unix_sources=True)
    said = recorded(Judge(trust).judge(conversation(encode(unix))))
    assert said["client"] == said["preamble"]["source"] == {"path": "/a"}


def test_a_pair() -> None:
    pairs = Pairs()
    pairs.add(judged(hello(), peer=CLIENT, listener=SHOP, number=1))
    said = Preamble(source=CLIENT, destination=SHOP)
    pairs.add(judged(encode(said) + hello(), number=2, opened=START + MS))
    (pair,) = pairs.matched()
    found = json.loads(paired(pair))
    assert found["client"] == {"host": "203.0.113.9", "port": 51234}
    assert found["node_connection"] == {"host": "10.0.0.5", "port": 40112}
    assert (found["front"]["number"], found["back"]["number"]) == (1, 2)
    assert found["by"] == ["hello", "client", "destination", "time"]
    assert found["claimed"] == found["client"]


def test_totals() -> None:
    totals = Totals()
    assert summed(totals, None, pairs=0, fronts=0, unmatched=0)["first"] is None
    totals.add(judged(hello()))
    said = summed(totals, Counts(forgotten=3), pairs=1, fronts=1, unmatched=2)
    assert (said["unmatched"], said["rebuffed"], said["conflicting"]) == (2, 0, 0)
    assert said["packets"]["forgotten"] == 3
    assert (said["connections"], said["faults"], said["fronts"]) == (1, 0, 1)
    assert said["verdicts"] == {"missing": 1}
    assert said["server_names"] == [{"name": "shop.example", "connections": 1}]


YEAR_5 = -62_000_000_000 * 1_000_000_000
TIMES = [0, 1, START + 123_456_789, 1 << 62, 1 << 70, -1, YEAR_5 + 7, -(1 << 70) - 5]


@pytest.mark.parametrize("time", TIMES)
def test_a_moment_is_exact_and_never_fails(time: int) -> None:
    assert nanoseconds(moment(time)) == time


def test_a_year_has_four_digits() -> None:
    assert moment(YEAR_5) == "0005-04-19T09:46:40.000000000Z"


def test_the_midst_of_a_connection_is_said() -> None:
    said = recorded(judged(encode(PREAMBLE), begun=False))
    assert (said["begun"], said["verdict"], said["client"]) == (False, "unseen", None)


def test_what_the_network_says_is_escaped() -> None:
    name = '\x1b[31m\x7f\x9b"\\\udcff'
    one = judged(hello(name.encode("utf-8", "surrogatepass")), capture=name)
    said = body(one)
    assert said.decode("ascii").isprintable()
    record = json.loads(b"{" + said + b"}")
    assert record["capture"] == name
    assert record["tls"]["server_name"].startswith('\x1b[31m\x7f\\xc2\\x9b"\\')


def test_all_but_the_number_and_the_pair() -> None:
    one = judged(encode(PREAMBLE) + hello(), number=7)
    record = json.loads(b"{" + body(one) + b"}")
    assert recorded(one) == {"number": 7, **record, "pair": None}
