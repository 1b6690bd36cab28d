"""The drawing: every scene within 80 columns, in ASCII where it must be."""

from __future__ import annotations

import dataclasses
import io

import pytest

from sslmagic import Endpoint, Preamble, encode
from sslmagic.wire import FORMATS
from sslmagic_cli.demo.client import CLIENT, SPOOFER, Visit
from sslmagic_cli.demo.picture import Picture
from sslmagic_cli.demo.scenes import (
    Attempt,
    Claim,
    Clear,
    Formats,
    Passthrough,
    Spoofing,
)

TRUE = Claim(said="it is so", holds=True)
FALSE = Claim(said="it is so as well", holds=False)

LOCAL = Endpoint(CLIENT, 65535)
VISIT = Visit(program="Python ssl", local=LOCAL, version="TLSv1.3", seen=LOCAL)
PREAMBLE = Preamble(source=LOCAL, destination=("127.0.0.1", 65535))
HELLO = bytes.fromhex("16030102000100 01fc0303")


class Page(io.StringIO):
    """Where a picture is drawn, with an encoding of its own."""

    encoding = "utf-8"


@pytest.fixture(params=[False, True], ids=["unicode", "plain"])
def plain(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def picture(page: Page, plain: bool, monkeypatch: pytest.MonkeyPatch) -> Picture:
    monkeypatch.setenv("COLUMNS", "200")
    return Picture(plain=plain, to=page)


def marks(plain: bool) -> tuple[str, str]:
    return ("ok", "NOT SO") if plain else ("✔", "✘")


def test_scenes_fit_and_are_what_they_must_be(
    picture: Picture, page: Page, plain: bool
) -> None:
    picture.plain(Passthrough(visits=[VISIT], octets=b"", claims=[TRUE]))
    octets = encode(PREAMBLE) + HELLO
    picture.enhanced(Passthrough(visits=[VISIT] * 3, octets=octets, claims=[TRUE]))
    rows = [(format, encode(PREAMBLE, format), VISIT) for format in FORMATS]
    picture.formats(Formats(rows=rows, claims=[TRUE]))
    attempt = Attempt(source=SPOOFER, tries="lies", gets="closed", claim=TRUE)
    picture.spoofing(Spoofing(attempts=[attempt], log=["no" * 60], claims=[TRUE]))
    picture.clear(
        Clear(
            sent=["GET / HTTP/1.1", "X-Cluster-Client-Ip: 255.255.255.255"],
            arrived=[["X-Cluster-Client-Ip: 127.0.0.9"]],
            client=LOCAL,
            claims=[TRUE],
        )
    )
    picture.end([TRUE] * 5, 1.25)
    drawn = page.getvalue()
    assert max(map(len, drawn.splitlines())) <= 80
    assert drawn.isascii() is plain
    for number in range(1, 6):
        assert f"\n{number}  " in drawn
    yes, no = marks(plain)
    assert drawn.count(f"{yes} it is so") == 5
    assert f"{yes} all 5 of these hold, in 1.2 s" in drawn
    assert no not in drawn


def test_octets_are_named_up_to_the_hello(picture: Picture, page: Page) -> None:
    octets = encode(PREAMBLE) + HELLO
    picture.enhanced(Passthrough(visits=[VISIT], octets=octets, claims=[]))
    drawn = page.getvalue()
    assert "4d 41 47 49" in drawn
    assert "24  16 03 01 02 00 01 00 01  what follows" in drawn
    assert "fc 03 03" not in drawn


def test_nothing_on_the_wire_is_drawn_as_well(picture: Picture, page: Page) -> None:
    picture.enhanced(Passthrough(visits=[VISIT], octets=b"", claims=[FALSE]))
    assert "sent nothing" in page.getvalue()


def test_what_does_not_hold_is_marked_and_counted(
    picture: Picture, page: Page, plain: bool
) -> None:
    missed = dataclasses.replace(VISIT, seen=None)
    picture.plain(Passthrough(visits=[missed], octets=b"", claims=[TRUE, FALSE]))
    picture.end([TRUE, FALSE], 0.5)
    _, no = marks(plain)
    drawn = page.getvalue()
    assert "nobody" in drawn
    assert f"{no} it is so as well" in drawn
    assert f"{no} 1 of 2 do not hold, in 0.5 s" in drawn


def test_octets_of_others_never_reach_the_terminal(
    picture: Picture, page: Page
) -> None:
    evil = "\x1b]0;owned\x07[red]x"
    clear = Clear(sent=[evil], arrived=[[evil]], client=LOCAL, claims=[])
    picture.clear(clear)
    picture.spoofing(Spoofing(attempts=[], log=[evil], claims=[]))
    drawn = page.getvalue()
    assert "\x1b" not in drawn
    assert "\x07" not in drawn
    assert "[red]x" in drawn


def test_narrow_terminal_hides_nothing(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    picture = Picture(to=page)
    octets = encode(PREAMBLE) + HELLO
    picture.enhanced(Passthrough(visits=[VISIT], octets=octets, claims=[TRUE]))
    picture.formats(Formats(rows=[("magic", octets, VISIT)], claims=[]))
    tries = "to the gateway: a preamble, then TLS"
    attempt = Attempt(source=SPOOFER, tries=tries, gets="closed, 0 octets", claim=TRUE)
    picture.spoofing(Spoofing(attempts=[attempt], log=[], claims=[]))
    picture.clear(
        Clear(
            sent=["X-Cluster-Client-Ip: 203.0.113.7"],
            arrived=[["X-Cluster-Client-Ip: 127.0.0.9"]],
            client=LOCAL,
            claims=[],
        )
    )
    drawn = page.getvalue()
    assert max(map(len, drawn.splitlines())) <= 60
    # Cells give way by folding; only an excerpt of octets ends in the mark of more.
    assert drawn.count("…") == 1
    for whole in ("127.0.0.9:65535  ✔", "closed, 0 octets  ✔", "203.0.113.7"):
        assert whole in drawn
    assert "24  16 03 01 02  what follows" in drawn


def test_a_closed_pipe_is_left_to_the_command() -> None:
    class Closed(Page):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Picture(to=Closed()).end([TRUE], 0.5)
