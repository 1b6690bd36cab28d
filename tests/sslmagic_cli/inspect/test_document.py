"""document.py: JSON, whole and line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sslmagic_cli.inspect.document import say_document, say_line, whole


@pytest.mark.parametrize("count", [0, 1, 256, 700])
def test_one_object(capfdbinary: pytest.CaptureFixture[bytes], count: int) -> None:
    records: list[dict[str, Any]] = [{"number": n} for n in range(count)]
    said = [json.dumps(one).encode() for one in records]
    say_document(said, said[:2], {"connections": count})
    written = capfdbinary.readouterr().out
    assert json.loads(written) == {
        "connections": records,
        "pairs": records[:2],
        "totals": {"connections": count},
    }
    assert written.count(b"\n") == count + min(count, 2) + 3


def test_number_and_pair_are_put_round_the_rest(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    for pair in (None, 3):
        say_line(whole(9, b'"words": ", \\"pair\\": "', pair))
        said = capfdbinary.readouterr().out
        assert said.endswith(b"}\n")
        assert json.loads(said) == {"number": 9, "words": ', "pair": ', "pair": pair}
