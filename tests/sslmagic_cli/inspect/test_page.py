"""page.py: a report that stands alone, runs nothing foreign, and can be looked at."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from sslmagic.capture.connection import Connection
from sslmagic.capture.conversation import Counts
from sslmagic.capture.pairs import Pairs
from sslmagic.capture.totals import Totals
from sslmagic.preamble import Endpoint, Preamble
from sslmagic.wire import encode
from sslmagic_cli.inspect import sections
from sslmagic_cli.inspect.page import MOST_ROWS, Page
from tests.sslmagic.capture.made import MS, PREAMBLE, SHOP, START, hello, judged
from tests.sslmagic_cli.inspect.browser import arguments, opened
from tests.sslmagic_cli.inspect.captured import EVIL
from tests.sslmagic_cli.inspect.strict import Element, parsed

STREAMS = [
    encode(PREAMBLE) + hello(),
    b"\xcd\x03\x03\xff\xf5MAGI" + bytes(50),
    encode(PREAMBLE) + encode(PREAMBLE, "proxy1"),
    hello(EVIL),
    b"",
    encode(Preamble.local()) + hello(EVIL),
]


def document(connections: Iterable[Connection], counts: Counts | None = None) -> str:
    page, totals, pairs = Page(), Totals(), Pairs()
    for one in connections:
        page.add(one)
        totals.add(one)
        pairs.add(one)
    found = [*pairs.matched()]
    fronts = {p.front.number for p in found if p.front.verdict == "missing"}
    return page.whole(totals, counts, found, fronts)


def each(count: int) -> Iterable[Connection]:
    for n in range(count):
        octets = STREAMS[n % len(STREAMS)]
        yield judged(octets, number=n + 1, opened=START + n * 37 * MS)


def read(count: int) -> Element:
    return parsed(document(each(count), Counts(packets=9, cut=1)))


def columns(page: Element, heading: str) -> list[str]:
    (section,) = (
        one
        for one in page.all("section")
        if [h.text for h in one.all("h2")] == [heading]
    )
    return [" ".join(row.said().split()) for row in section.all("tr")]


def test_every_connection_and_every_fault_is_in_it() -> None:
    page = read(6)
    rows = columns(page, "Connections")
    assert len(rows) == 7
    assert "203.0.113.9:51234" in rows[1]
    assert "octet 3: length 65525" in page.said()
    assert [len([*page.all("details")]), len([*page.all("mark")])] == [4, 2]
    assert "9 packets, 1 cut short by the capture" in page.said()


def test_what_the_totals_lack_is_said() -> None:
    odd = judged(STREAMS[0], conflicting=3)
    said = parsed(document([odd], Counts(packets=9, forgotten=2, incomplete=4))).said()
    assert "3 octets came twice and differ" in said
    assert "1 connection with octets that came twice and differ" in said
    assert "2 connections given up" in said
    assert "4 of fragments that are not all there" in said


def test_what_a_listener_turned_down_is_said() -> None:
    odd = judged(STREAMS[0], b"HTTP/1.1 400 Bad Request\r\n")
    said = parsed(document([odd], Counts(packets=9))).said()
    assert "the listener answers HTTP 400: it may read no preamble" in said
    assert "1 connection in order that the listener turned down" in said


def test_fronts_among_many_have_their_colour() -> None:
    def both() -> Iterable[Connection]:
        for n in range(1, 31):
            client = Endpoint("203.0.113.9", 5000 + n)
            said = encode(Preamble(source=client, destination=SHOP))
            tls = hello(random=n)
            yield judged(tls, number=n, peer=client, listener=SHOP)
            yield judged(said + tls, number=n + 40, opened=START + MS)

    text = document(both())
    assert "30 front" in text
    assert "in doubt" not in text


def test_a_name_of_the_network_is_text_and_nothing_else() -> None:
    text = document(each(6))
    assert "<img" not in text
    assert text.count("<script>") == text.count("</script>") == 1
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;\\x1b[31m" in text
    assert "\x1b" not in text


def test_its_policy_allows_its_own_style_and_script_alone() -> None:
    text = document(each(6))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for name in ("style", "script"):
        (inside,) = re.findall(f"<{name}>(.*?)</{name}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert rules.pop(f"{name}-src") == f"'sha256-{digest}'"
        assert "http" not in inside.replace("http/1.1", "")
    assert set(rules.values()) == {"'none'"}
    assert set(rules) == {"default-src", "base-uri", "form-action"}


def test_it_is_accessible_as_far_as_can_be_read() -> None:
    page = read(6)
    assert page.attributes["lang"] == "en"
    assert len([*page.all("h1")]) == 1
    for head in page.all("th"):
        assert head.attributes["scope"] == "col"
        assert head.text
    for field in (*page.all("input"), *page.all("select")):
        assert field.attributes["aria-label"]
    for picture in page.all("svg"):
        named = picture.attributes.get("role") == "img" and [*picture.all("title")]
        assert named or picture.attributes.get("aria-hidden") == "true"
    ids = [
        one.attributes["id"]
        for name in ("section", "div")
        for one in page.all(name)
        if "id" in one.attributes
    ]
    assert len(ids) == len(set(ids))


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    a_row = len(sections.connection_row(judged(encode(PREAMBLE) + hello("x" * 60))))
    assert MOST_ROWS * a_row < 5_000_000
    monkeypatch.setattr("sslmagic_cli.inspect.page.MOST_ROWS", 150)
    page = parsed(document(each(400)))
    assert len(columns(page, "Connections")) == 151
    assert "The first 150 connections of 400 are in this table" in page.said()
    assert len([*page.all("details")]) == 40


def test_both_sides_of_a_gateway() -> None:
    def both() -> Iterable[Connection]:
        for n in range(1, 6):
            client = Endpoint("203.0.113.9", 5000 + n)
            said = encode(Preamble(source=client, destination=SHOP))
            tls = hello(random=n)
            yield judged(tls, number=n, peer=client, listener=SHOP)
            yield judged(said + tls, number=n + 10, opened=START + MS)

    page = parsed(document(both()))
    assert len(columns(page, "Both sides of a gateway")) == 6
    assert "0 faults" in " ".join(page.said().split())
    assert [*page.all("details")] == []
    assert "without a preamble" not in page.said()


def test_nothing_is_a_report_too() -> None:
    assert "No connections" in read(0).said()


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_a_browser_draws_it(tmp_path: Path, width: int, *, dark: bool) -> None:
    path, picture = tmp_path / "report.html", tmp_path / "report.png"
    path.write_text(document(each(60)), "utf-8")
    said = subprocess.run(
        [
            *arguments(tmp_path / "profile"),
            *("--virtual-time-budget=2000", "--enable-logging=stderr", "--v=0"),
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            *(f"--screenshot={picture}", f"--window-size={width},900"),
            path.as_uri(),
        ],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        check=True,
        text=True,
        timeout=50,
    ).stderr
    # A style or script that its policy refuses would be said here.
    assert "CONSOLE" not in said
    head = picture.read_bytes()[:24]
    assert struct.unpack("!II", head[16:24]) == (width, 900)
    assert picture.stat().st_size > 20_000


def test_its_tables_are_filtered_and_sorted(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(document(each(300)), "utf-8")
    with opened(path, tmp_path / "profile") as evaluate:
        visible = (
            "[...document.querySelectorAll('#connections tbody tr')]"
            ".filter(row => row.getClientRects().length)"
            ".map(row => row.cells[0].textContent)"
        )
        output = "document.querySelector('#tools output').textContent"
        assert evaluate("alert.toString()").endswith("[native code] }")
        assert evaluate(visible) == [str(n) for n in range(1, 101)]
        evaluate("document.querySelector('#connections .more').click()")
        assert len(evaluate(visible)) == 300
        evaluate(
            "var box = document.querySelector('#tools input');"
            "box.value = 'OVERSIZE 65525';"
            "box.dispatchEvent(new Event('input'))"
        )
        assert evaluate(visible) == [str(n) for n in range(2, 301, 6)]
        assert evaluate(output) == "50 of 300"
        evaluate("document.querySelector('#connections th button').click()")
        evaluate("document.querySelector('#connections th button').click()")
        assert evaluate(visible) == [str(n) for n in range(296, 1, -6)]
        evaluate(
            "box.value = ''; box.dispatchEvent(new Event('input'));"
            "var kinds = document.querySelector('#tools select');"
            "kinds.value = 'silent'; kinds.dispatchEvent(new Event('change'))"
        )
        assert evaluate(output) == "50 of 300"
        assert evaluate("document.images.length + document.scripts.length") == 1
        wide = "document.documentElement.scrollWidth <= innerWidth"
        assert evaluate(wide) is True
