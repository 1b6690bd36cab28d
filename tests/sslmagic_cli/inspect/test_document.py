"""document.py: JSON, whole and line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sslmagic_cli.inspect.document import body, say_document, say_line, whole


@pytest.mark.parametrize("count", [0, 1, 256, 700])
def test_one_object(capfdbinary: pytest.CaptureFixture[bytes], count: int) -> None:
    records: list[dict[str, Any]] = [{"number": n} for n in range(count)]
    say_document(map(json.dumps, records), records[:2], {"connections": count})
    said = capfdbinary.readouterr().out
    assert json.loads(said) == {
        "connections": records,
        "pairs": records[:2],
        "totals": {"connections": count},
    }
    assert said.count(b"\n") == count + min(count, 2) + 3


def test_a_line_has_nothing_that_a_terminal_obeys(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    record = {"number": 7, "name": "\x1b[31m\x7f\x9b", "pair": None}
    say_line(whole(7, body(record)))
    said = capfdbinary.readouterr().out
    assert said.decode("ascii").rstrip("\n").isprintable()
    assert json.loads(said) == record


def test_number_and_pair_are_put_round_the_rest() -> None:
    record = {"number": 0, "words": ', "pair": "\n', "pair": None}
    for pair in (None, 3):
        said = whole(9, body(record), pair)
        assert said == json.dumps(record | {"number": 9, "pair": pair})
