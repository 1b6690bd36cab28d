"""parameters.py: what is typed is refused before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sslmagic_cli.craft.crafted import Run, check_refused


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["x", "--segments", "1,x"], "'1,x' is not 1,5,7 or octets"),
        (["x", "--segments", "0"], "at least 1 octet"),
        (["x", "--segments", "99999999999"], "at most 65000 octets"),
        (["x", "--server-name", "-bad-"], "'-bad-' is no name of DNS"),
        (["x", "--server-name", "/"], "'/' is no name of DNS"),
        (["x", "--server-name", "192.0.2.1"], "'192.0.2.1' is no name of DNS"),
        (["x", "--server-name", "a" * 300], "is no name of DNS"),
        (["x", "--alpn", ""], "'' has not 1 to 255 octets"),
        (["x", "--alpn", "a" * 256], "has not 1 to 255 octets"),
        (["x", *["--alpn", "a" * 255] * 33], "more than 8192 octets"),
    ],
)
def test_what_cannot_be_asked_for(
    run: Run, words: list[str], what: str, tmp_path: Path
) -> None:
    check_refused(run, words, what, tmp_path)
