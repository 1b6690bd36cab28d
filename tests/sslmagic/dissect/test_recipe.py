"""recipe.py: whatever the network does, the stream and what is expected stay."""

from __future__ import annotations

import dataclasses
import io
import random
from typing import Any

import pytest

from sslmagic.block import Endpoint, UnixEndpoint
from sslmagic.capture.conversations import Reader
from sslmagic.capture.judge import ANYBODY, Judge
from sslmagic.dissect import capturefile, packets
from sslmagic.dissect.faults import FAULTS
from sslmagic.dissect.recipe import HTTP, Connection, Recipe
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble, Transport
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS
from sslmagic_cli.inspect.record import recorded
from tests.captures.agreement import differences
from tests.sslmagic.dissect.recipes import IPV4, IPV6, PATH, session

PLAIN = Recipe(path=PATH, preamble=IPV4, session=session())


def expected(**changes: Any) -> dict[str, Any]:
    return dict(dataclasses.replace(PLAIN, **changes).made().expected)


def test_a_client_over_tls() -> None:
    said = expected(format="proxy2")
    assert said == {
        "peer": {"host": "192.0.2.2", "port": 40112},
        "listener": {"host": "192.0.2.10", "port": 8443},
        "vlans": [],
        "verdict": "ok",
        "format": "proxy2",
        "client": {"host": "203.0.113.9", "port": 51234},
        "preamble": {
            "format": "proxy2",
            "command": "PROXY",
            "transport": "TCP4",
            "source": {"host": "203.0.113.9", "port": 51234},
            "destination": {"host": "198.51.100.2", "port": 443},
            "tlvs": [],
            "length": 28,
            "proof": None,
        },
        "follows": "tls",
        "tls": session().described(),
        "packets": 3 + 2 * len(session().turns) + 3,
        "ended": "closed",
        "ended_by": "peer",
        "octets": {
            "peer": 28 + sum(len(octets) for _, octets in session().turns[::2]),
            "listener": sum(len(octets) for _, octets in session().turns[1::2]),
        },
    }


def test_a_request_in_clear() -> None:
    made = dataclasses.replace(PLAIN, session=None).made()
    assert made.expected["follows"] == "http"
    assert made.exchange.said["peer"].endswith(HTTP[0][1])
    assert made.exchange.said["listener"] == HTTP[1][1]


DISORDERS: list[dict[str, Any]] = [
    {"sizes": (1, 5, 7)},
    {"octetwise": True},
    {"reordered": True},
    {"duplicated": True},
    {"retransmitted": True},
    {"overlapping": True},
    {"overlapping": True, "reordered": True, "duplicated": True, "sizes": (3, 3, 9)},
]


@pytest.mark.parametrize("disorder", DISORDERS, ids=lambda one: "-".join(one))
def test_the_network_changes_packets_and_nothing_else(disorder: dict[str, Any]) -> None:
    plain, made = PLAIN.made(), dataclasses.replace(PLAIN, **disorder).made()
    assert made.exchange.said == plain.exchange.said
    changed = {k for k, v in made.expected.items() if v != plain.expected[k]}
    assert changed == {"packets"}
    assert made.exchange.segments != plain.exchange.segments


def test_the_preamble_alone_is_disturbed() -> None:
    made = dataclasses.replace(PLAIN, reordered=True).made()
    first = [one for one in made.exchange.data() if one.start < 24]
    behind = [one for one in made.exchange.data() if one.start >= 28]
    assert [one.start for one in first] != sorted(one.start for one in first)
    assert [one.start for one in behind] == sorted(one.start for one in behind)


@pytest.mark.parametrize(
    ("ending", "ended"),
    [
        ("close", ("closed", "peer")),
        ("reset", ("reset", "peer")),
        ("open", ("open", None)),
    ],
)
def test_ends(ending: str, ended: tuple[str, str | None]) -> None:
    said = expected(ending=ending)
    assert (said["ended"], said["ended_by"]) == ended


def test_a_conflict_says_how_many_octets_differ() -> None:
    # 203.0.113.9 against 192.0.2.66: all but one.
    assert expected(fault="conflict")["conflicting"] == 3
    assert expected(fault="conflict", octetwise=True)["conflicting"] == 3


@pytest.mark.parametrize(
    ("preamble", "verdict", "format"),
    [
        (Preamble.local(), "local", "magic"),
        (Preamble(transport=Transport.UNKNOWN), "local", "proxy1"),
        (Preamble(source=("127.0.0.1", 5), destination=("::1", 5)), "source", "magic"),
    ],
)
def test_what_is_said_decides(preamble: Preamble, verdict: str, format: str) -> None:
    assert expected(preamble=preamble, format=format)["verdict"] == verdict


def test_what_is_not_captured() -> None:
    lost = dataclasses.replace(PLAIN, fault="loss").made()
    (missing,) = (one for one in lost.exchange.segments if not one.captured)
    assert (missing.start, len(missing.octets)) == (7, 7)
    midway = dataclasses.replace(PLAIN, fault="midway").made()
    assert min(one.start for _, one in midway.exchange.timed() if one.sender == "peer")
    assert "octets" not in lost.expected


BEHIND: list[dict[str, Any]] = [
    {},
    {"sizes": (1,)},
    {"sizes": (24,)},
    {"sizes": (500,)},
    {"octetwise": True},
]


@pytest.mark.parametrize("cut", BEHIND, ids=str)
@pytest.mark.parametrize("fault", ["loss", "midway"])
def test_no_copy_tells_what_is_not_captured(fault: str, cut: dict[str, Any]) -> None:
    words = ["reordered", "duplicated", "retransmitted", "overlapping"]
    for disturbed in [*([one] for one in words), ["duplicated", "retransmitted"]]:
        changes = {"fault": fault, **dict.fromkeys(disturbed, True), **cut}
        made = dataclasses.replace(PLAIN, **changes).made()
        assert octets_missing(made)
        assert verdicts([made]) == ["unseen"]


def test_a_loss_that_nothing_shows_cannot_be() -> None:
    # All that the peer ever says is in one segment.
    alone: dict[str, Any] = {
        "fault": "loss",
        "session": None,
        "sizes": (3000,),
        "ending": "open",
    }
    with pytest.raises(EncodeError, match="cut the preamble smaller"):
        expected(**alone)
    with pytest.raises(EncodeError, match="cut the preamble smaller"):
        expected(fault="loss", octets=b"")
    (said,) = verdicts([dataclasses.replace(PLAIN, **{**alone, "sizes": (9,)}).made()])
    assert said == "unseen"
    # A listener that resets says nothing of what it had: the first part is lost then.
    spoofed = Preamble(source=("127.0.0.1", 5), destination=("198.51.100.2", 443))
    made = dataclasses.replace(PLAIN, preamble=spoofed, fault="loss", sizes=(9,)).made()
    (missing,) = (one for one in made.exchange.segments if not one.captured)
    assert (missing.start, verdicts([made])) == (0, ["unseen"])


def test_a_long_preamble_that_arrives_in_disorder_is_read() -> None:
    tags = [TLV(0xE7, bytes(900))]
    long = Preamble(source=IPV4.source, destination=IPV4.destination, tlvs=tags)
    changes: dict[str, Any] = {"preamble": long, "format": "proxy2", "reordered": True}
    made = [
        dataclasses.replace(PLAIN, seed=seed, **changes).made() for seed in range(2)
    ]
    assert verdicts(made) == ["ok"] * 2


LOCAL = Preamble.local((TLV(5, b"probe-17"),))
PREAMBLES = [
    *(IPV4, IPV6, LOCAL, Preamble.local(), Preamble(transport=Transport.UNKNOWN)),
    Preamble(source=("127.0.0.1", 5), destination=("198.51.100.2", 443)),
    Preamble(source=UnixEndpoint("/run/c"), destination=UnixEndpoint("")),
    *(
        Preamble(source=IPV4.source, destination=IPV4.destination, tlvs=[tlv])
        for tlv in (TLV(2, b"shop.example"), TLV(0xE7, bytes(400)))
    ),
]


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_whatever_is_asked_for_the_reader_says_what_is_expected(
    fault: str | None,
) -> None:
    chance = random.Random(f"recipes with {fault}")
    compared = 0
    for _ in range(40):
        asked = some(chance, fault)
        try:
            made = asked.made()
        except EncodeError:
            continue
        compared += 1
        found = inspected(made, ssl=fault == "hello")
        assert list(differences([made.expected], found)) == [], asked
        if compared == 6:
            break
    assert compared >= 3


def test_faults_that_the_format_does_not_have() -> None:
    with pytest.raises(EncodeError, match="proxy1 has no fault tlv: magic and proxy2"):
        expected(format="proxy1", fault="tlv")
    with pytest.raises(EncodeError, match="behind a LOCAL of proxy2"):
        expected(format="proxy2", fault="tlv", preamble=Preamble.local())
    with pytest.raises(EncodeError, match="late"):
        expected(fault="late", session=None)


def some(chance: random.Random, fault: str | None) -> Recipe:
    formats = FAULTS[fault].formats if fault else FORMATS
    host, other = chance.choice(
        (("192.0.2.2", "192.0.2.9"), ("2001:db8::2", "2001:db8::9"))
    )
    path = dataclasses.replace(
        PATH,
        peer=Endpoint(host, 40112),
        listener=Endpoint(other, 8443),
        link=chance.choice(list(packets.LINKS)),
        fragments=chance.choice((0, 0, 0, 48)),
    )
    return Recipe(
        path=path,
        format=(format := chance.choice(formats)),
        fault=fault,
        preamble=chance.choice(PREAMBLES),
        session=chance.choice((session(), session(), None)),
        sizes=chance.choice(((), (), (1, 5, 7), (13,), (24,), (500,), (3000,))),
        octetwise=chance.random() < 0.05,
        reordered=chance.random() < 0.3,
        duplicated=chance.random() < 0.3,
        retransmitted=chance.random() < 0.3,
        overlapping=chance.random() < 0.3,
        ending=chance.choice(("close", "reset", "open")),
        crc32c=format != "proxy1" and chance.random() < 0.2,
        seed=chance.randrange(1000),
    )


def octets_missing(made: Connection) -> set[int]:
    """Offsets in the front that were sent, and that no captured segment has."""
    front = {at for one in made.exchange.data() for at in range(one.start, one.end)}
    seen = [one for _, one in made.exchange.timed() if one.sender == "peer"]
    return front - {at for one in seen for at in range(one.start, one.end)}


def verdicts(made: list[Connection]) -> list[object]:
    """What `magic inspect` says, of each connection alone."""
    return [said["verdict"] for one in made for said in inspected(one)]


def inspected(made: Connection, *, ssl: bool = False) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    octets = packets.packets(made.exchange, made.path)
    capturefile.write(stream, octets, link=packets.LINKS[made.path.link])
    stream.seek(0)
    judge = Judge(ANYBODY, ssl=ssl)
    return [recorded(judge.judge(one)) for one in Reader([stream], wanted=judge.wanted)]
