"""question.py: the pieces are the preamble, whatever it is cut into."""

from __future__ import annotations

from sslmagic.probe.question import Question, Then, octets, split


def test_two_pieces() -> None:
    assert split(b"abcde") == (b"ab", b"cde")


def test_octet_by_octet() -> None:
    assert octets(b"abc") == (b"a", b"b", b"c")


def test_the_preamble_is_all_of_its_pieces() -> None:
    question = Question(name="magic halves", words="", pieces=split(b"abcde"))
    assert question.preamble == b"abcde"
    assert Question(name="proxy1 inside", words="", inside=b"ab").preamble == b"ab"
    assert Question(name="tls", words="").preamble == b""


def test_tls_is_what_follows_by_itself() -> None:
    assert Question(name="tls", words="").then is Then.TLS
