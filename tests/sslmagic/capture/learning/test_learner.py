"""The learner: known formats, odd ones, and those of chance, with NAT and noise."""

from __future__ import annotations

import dataclasses
import ipaddress
import random
from collections.abc import Callable

import pytest

from sslmagic.capture.learning.learner import learn
from sslmagic.capture.learning.lesson import Lesson
from sslmagic.capture.learning.sample import Sample
from sslmagic.decoder import checked_formats, decode
from sslmagic.errors import ConfigurationError
from sslmagic.preamble import Endpoint, Preamble
from sslmagic.tlv import TLV
from sslmagic.wire import encode
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Port
from sslmagic.wire.parts import Unknown
from tests.sslmagic.capture.learning.figures import main, outcome
from tests.sslmagic.capture.learning.invented import (
    COUNTERS,
    FIXED,
    STRANGE,
    Invented,
    Traffic,
    random_layout,
)

HELLO = b"\x16\x03\x01\x02\x00\x01"


def known(format: str, *names: bytes) -> Invented:
    """A format of ours, with or without a TLV."""

    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        name = chance.choice(names) if names else b""
        tlvs = [TLV(2, name)] if name else []
        return encode(Preamble(source=c, destination=d, tlvs=tlvs), format)

    return Invented(f"{format}-again", write, is_known=not names)


def spp(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """Cloudflare's Simple Proxy Protocol, in front of a stream."""
    hosts = b""
    for host in (c.host, d.host):
        mapped = host if ":" in host else f"::ffff:{host}"
        hosts += ipaddress.IPv6Address(mapped).packed
    return b"\x56\xec" + hosts + c.port.to_bytes(2, "big") + d.port.to_bytes(2, "big")


NAMES = (b"shop.example", b"a.example", b"www.shop.example", b"")
LAYOUTS = (
    known("magic"),
    known("proxy1"),
    known("proxy2"),
    known("proxy2", *NAMES),
    known("magic", *NAMES),
    Invented("spp", spp),
    *FIXED,
)


def lesson_of(layout: Invented, *, each: int = 12, seed: int = 1) -> Lesson:
    traffic = Traffic(layout, seed)
    return learn(traffic.samples(each, nat=0.25, noise=2, odd=1), layout.name)


def check(layout: Invented, lesson: Lesson, seed: int = 99) -> None:
    """What was learnt reads connections that it has not seen, and says them again."""
    assert lesson.layout is not None, lesson.needs
    assert lesson.unknown == 0 or not layout.is_known
    traffic = Traffic(layout, seed)
    for family in layout.families * 10:
        fresh = traffic.fresh(family)
        preamble, rest = decode(fresh.octets + HELLO, lesson.layout)
        assert (preamble.source, rest) == (fresh.client, HELLO)
        if not lesson.unknown:
            said = Preamble(source=fresh.client, destination=fresh.destination)
            assert encode(said, lesson.layout) == fresh.octets


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: one.name)
def test_layouts_that_are_known_or_odd(layout: Invented) -> None:
    lesson = lesson_of(layout)
    check(layout, lesson)
    families = len(layout.families)
    assert len(lesson.agreeing) == 9 * families
    assert len(lesson.contradicting) == 3 * families
    assert len(lesson.unread) == 3 * families
    assert lesson.sure > 0.8
    assert any("25% of the preambles name another client" in n for n in lesson.needs)


def test_layouts_made_by_chance() -> None:
    """Here are the first few: `figures` tries more."""
    for seed in range(12):
        layout = random_layout(seed)
        check(layout, lesson_of(layout, seed=seed))


@pytest.mark.parametrize("layout", STRANGE, ids=lambda one: one.name)
def test_what_one_capture_cannot_show_is_never_sure(layout: Invented) -> None:
    for seed in range(4):
        lesson = learn(Traffic(layout, seed).samples(12), layout.name)
        assert outcome(layout, lesson, 99, later=True) in ("nothing", "unsure")


@pytest.mark.parametrize("layout", COUNTERS, ids=lambda one: one.name)
def test_a_counter_is_learnt_for_another_day(layout: Invented) -> None:
    for seed in range(4):
        lesson = learn(Traffic(layout, seed).samples(12), layout.name)
        assert outcome(layout, lesson, 99) == "right"
        assert outcome(layout, lesson, 99, later=True) == "right"
        assert lesson.unknown


def test_the_figures_can_be_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    main(3)
    *chance, strange = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[2] for line in chance[:2]] == [" 3 right", " 3 right"]
    assert "wrong" not in strange


@pytest.mark.parametrize("layout", LAYOUTS[:2], ids=lambda one: one.name)
def test_more_that_are_odd_than_are_searched_at_first(layout: Invented) -> None:
    samples = Traffic(layout, 5).samples(60)
    chance = random.Random(5)
    for number in range(24):
        sample = samples[number]
        octets = sample.octets + chance.randbytes(20 + 3 * number)
        samples[number] = dataclasses.replace(sample, octets=octets)
    lesson = learn(samples, layout.name)
    check(layout, lesson)
    assert (len(lesson.agreeing), len(lesson.unread)) == (96, 24)


@pytest.mark.parametrize("seed", [3, 8, 19])
def test_few_samples_are_enough_and_said_to_be_few(seed: int) -> None:
    layout = random_layout(seed)
    lesson = learn(Traffic(layout, seed).samples(2), layout.name)
    assert lesson.layout is not None
    for sample in lesson.agreeing:
        assert decode(sample.octets, lesson.layout)[0].source == sample.client
    few = learn([Traffic(LAYOUTS[1], 1).fresh(4)], "one")
    assert few.sure == 0.0
    assert (
        "fewer than 3 clients: give more, with other addresses and ports" in few.needs
    )
    assert "no IPv6 client: how one is written is not known" in few.needs


def test_a_length_a_checksum_and_what_follows_no_rule() -> None:
    lesson = lesson_of(LAYOUTS[3])
    kinds = {type(one.part) for one in lesson.variants[0].parts}
    assert {Length, Unknown} <= kinds
    summed = lesson_of(FIXED[3])
    parts = {type(one.part): one for one in summed.variants[0].parts}
    assert parts[Checksum].part == Checksum(algorithm="sum8")
    assert summed.unknown == 4
    assert parts[Unknown].why == "unknown: 9 values"


@pytest.mark.parametrize("head", [b"", b"\x16\x03"], ids=["none", "tls"])
def test_a_layout_that_no_receiver_takes_is_said_to_be_one(head: bytes) -> None:
    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        return head + ipaddress.ip_address(c.host).packed + c.port.to_bytes(2, "big")

    lesson = learn(Traffic(Invented("bare", write, (4,)), 1).samples(9), "bare")
    assert lesson.layout is not None
    with pytest.raises(ConfigurationError):
        checked_formats(lesson.layout)
    said = "it may start as a ClientHello does: no receiver takes it"
    assert said in lesson.needs


HOSTLY: list[Callable[[Endpoint], bytes]] = [
    lambda c: b"\xb5" + ipaddress.ip_address(c.host).packed + c.port.to_bytes(2, "big"),
    lambda c: (
        b"\xb5" + c.port.to_bytes(2, "little") + ipaddress.ip_address(c.host).packed
    ),
    lambda c: f"C {c.host} {c.port}\n".encode(),
]


@pytest.mark.parametrize("write", HOSTLY)
def test_a_port_that_is_not_known_is_guessed(
    write: Callable[[Endpoint], bytes],
) -> None:
    traffic = Traffic(FIXED[0], 4)
    clients = [traffic.endpoint(4) for _ in range(8)]
    node = Endpoint("10.0.0.5", 8443)
    samples = [Sample(write(one), Endpoint(one.host, 0), node) for one in clients]
    lesson = learn(samples, "hostly")
    assert lesson.layout is not None, lesson.needs
    assert "the client's port is a guess: name clients with their ports" in lesson.needs
    for client in clients:
        assert decode(write(client), lesson.layout)[0].source == client
    port = next(o for o in lesson.variants[0].parts if isinstance(o.part, Port))
    assert port.sure <= 0.5
    assert lesson.sure <= 0.5


def test_a_name_that_no_layout_has() -> None:
    with pytest.raises(ConfigurationError, match="a name is a letter"):
        learn(Traffic(FIXED[0], 1).samples(4), "PROXY")
