"""The file of a layout: written, read again, and refused with what would be right."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.layout import Layout
from sslmagic.listener import Listener
from sslmagic.trust import Trust
from sslmagic.wire import encode
from sslmagic.wire.learnt import Learnt
from tests.sslmagic.receiving import connect, listening
from tests.sslmagic.wire.layouts import FOUR, LAYOUTS, SPP

HEAD = 'format = "x"\nlearnt = true\n'
CLIENT = '{part="address", of="source"}, {part="port", of="source", width=2}'


def parts(text: str) -> str:
    return f"{HEAD}[[variant]]\nparts = [{text}]\n"


@pytest.mark.parametrize("learnt", LAYOUTS, ids=str)
def test_what_is_written_is_loaded(learnt: Learnt, tmp_path: Path) -> None:
    layout = Layout(str(learnt), learnt.variants)
    remarks = {(0, 0): "how it\nstarts"}
    text = layout.text(about='it\'s "a\\b"\n', remarks=remarks, head=["Found\nin May"])
    file = tmp_path / "layout.toml"
    file.write_text(text)
    loaded = Layout.load(file)
    assert loaded == layout == learnt
    assert pickle.loads(pickle.dumps(loaded)) == loaded
    assert text.startswith("# Found in May\nformat = ")
    assert "  # how it starts\n" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format = ", "Invalid value"),
        ('format = "x"', "learnt: write learnt = true"),
        ('learnt = 1\nformat = "x"', "learnt: write learnt = true"),
        ("learnt = true", "format: the name of the layout, in quotes"),
        (HEAD, "variant: one or more"),
        (HEAD + "about = 5", "about: words about it, in quotes"),
        (HEAD + "variant = " + "[" * 5000 + "]" * 5000, "nested too deep"),
        (parts(f"{{part='length', bias={'9' * 5000}}}"), "a number of too many digits"),
        (
            parts(f"{{part='length', width=1, bias=0x{'f' * 9}}}, {CLIENT}"),
            "variant 1: part 1: bias: a number of more than 32 bits",
        ),
        (parts(f"{{part=0x{'f' * 5000}}}"), "a number of too many digits"),
        (
            parts(f"{{part='literal', text='A'}}, {CLIENT}")
            + f"[[variant]]\nparts=[{CLIENT}, {{part='unknown', width=400000000}}]",
            "variant 2: 400000006 octets at the least, where 4096 is most",
        ),
        (HEAD + f"[[variant]]\nparts = [{CLIENT}]\n" * 17, "where 16 are most"),
        (HEAD + "size = 3", "'size' is no key: there are about, format, learnt"),
        (HEAD + "variant = [3]", "variant 1: a table with parts"),
        (HEAD + "[[variant]]\nat = 3", "variant 1: 'at' is no key: there are parts"),
        (HEAD + "[[variant]]\nparts = []", "variant 1: parts: a list of"),
        (parts("3"), "variant 1: part 1: 3 should be { part = ... }"),
        (parts('{part="word"}'), "part='word' is none of literal, address, port"),
        (parts("{part=3}"), "part 1: part=3 is none of"),
        (parts('{part="port"}'), "part 1: of is missing: port needs it"),
        (
            parts('{part="port", of="source", widht=2}'),
            "'widht' is no key of port: there are form, of, order, upper, width",
        ),
        (
            parts('{part="port", of="source", width="2"}'),
            "width='2' should be a whole number",
        ),
        (
            parts('{part="port", of="source", width=3}'),
            "width=3 is none of 2, 4",
        ),
        (parts('{part="port", of=1}'), "of=1 should be in quotes"),
        (
            parts('{part="port", of="source", upper="no"}'),
            "upper='no' should be true or false",
        ),
        (parts('{part="literal"}'), "a literal has either text or hex"),
        (parts('{part="literal", hex="5"}'), "hex='5' should be hex, two digits"),
        (parts('{part="literal", text=5}'), "text=5 should be in quotes"),
        (parts('{part="literal", octets="5"}'), "'octets' is no key of literal"),
        (
            parts('{part="unknown", width=1, seen="0g"}'),
            "seen='0g' should be hex",
        ),
        (
            parts('{part="port", of="source", width=2}'),
            "variant 1: no address of the source",
        ),
        (
            HEAD.replace("x", "magic") + f"[[variant]]\nparts = [{CLIENT}]",
            "format='magic': a name is",
        ),
    ],
)
def test_what_is_wrong_and_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Layout.read(text, "x.toml")
    assert str(caught.value).startswith("x.toml: ")
    assert said in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "layout.toml"
    file.write_bytes(b"format = '\xff'")
    with pytest.raises(ConfigurationError, match=r"no UTF-8 text \(at byte 10\)"):
        Layout.load(file)
    with pytest.raises(FileNotFoundError):
        Layout.load(tmp_path / "none.toml")


def test_a_file_that_does_not_end(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="more than 262144 octets"):
        Layout.load("/dev/zero")
    file = tmp_path / "layout.toml"
    file.write_text(parts(f"{CLIENT}") + "# .\n" * 65_000)
    assert Layout.load(file).least == 6


def test_a_listener_takes_it_off() -> None:
    trust = Trust(peers=["127.0.0.1"], formats=["magic", SPP])
    with Listener(listening(), trust=trust) as listener:
        for format in trust.formats:
            octets = encode(FOUR, format) + b"hello"
            with connect(listener, octets), listener.accept()[0] as connection:
                assert connection.getpeername() == FOUR.source
                assert connection.recv(100) == b"hello"


def test_a_process_that_is_spawned_gets_it() -> None:
    """A class that is made in one process is the same in another one."""
    trust = Trust(peers=["127.0.0.1"], formats=[Layout("spp", SPP.variants)])
    script = "import pickle, sys; trust = pickle.load(sys.stdin.buffer)"
    script += "; sys.stdout.buffer.write(pickle.dumps((trust, trust.formats[0].limit)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(trust),
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert pickle.loads(done.stdout) == (trust, 38)


def test_text_and_hex_are_both_literals() -> None:
    text = parts('{part="literal", text="é"}, ' + CLIENT)
    again = parts('{part="literal", hex="c3a9"}, ' + CLIENT)
    assert Layout.read(text) == Layout.read(again)


def test_a_layout_of_the_documentation() -> None:
    text = """
format = "spp"
learnt = true

[[variant]]
parts = [
  { part = "literal", hex = "56ec" },
  { part = "address", of = "source", width = 16 },
  { part = "address", of = "destination", width = 16 },
  { part = "port", of = "source", width = 2 },
  { part = "port", of = "destination", width = 2 },
]
"""
    assert Layout.read(text) == SPP
