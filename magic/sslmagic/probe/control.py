"""What an answer is held against: what the same octets get that are no preamble.

A listener that answers those alike has not shown that it knows a preamble: an echo, a
protocol of lines that calls every one of them an error, a server that skips what it
does not understand.
"""

from __future__ import annotations

import re

from sslmagic.probe.answer import Answer, Came

__all__ = ["altered", "is_alike", "repeats", "same_body", "same_line"]

_MARKS = {
    "magic": (b"MAGI", b"MAGJ"),
    "proxy1": (b"PROXY", b"PROXZ"),
    "proxy2": (b"QUIT", b"QUIZ"),
}
"""What in the signature of each format makes it one, and what stands there instead."""


def altered(preamble: bytes, format: str) -> bytes:
    """Return the octets with one in the signature changed, so that they are none."""
    mark, instead = _MARKS[format]
    return preamble.replace(mark, instead, 1)


def is_alike(answer: Answer, control: Answer) -> bool:
    """Return whether two answers say the same, but for what was repeated or counted."""
    if answer.came is not control.came:
        return False
    match answer.came:
        case Came.ALERT:
            return answer.alert == control.alert
        case Came.HTTP:
            return answer.status == control.status
        case Came.OCTETS:
            return same_line(answer.octets, control.octets)
        case _:
            return True


def same_line(text: bytes, other: bytes) -> bool:
    """Return whether both begin with the same line.

    Only the first word has to be the same by its digits: dates, addresses and numbers
    of sessions differ from one answer to the next.
    """
    line, another = (one.lstrip().partition(b"\n")[0] for one in (text, other))
    return _masked(line) == _masked(another)


def same_body(response: bytes, other: bytes) -> bool:
    """Return whether two responses of HTTP have the same body, in the same sense."""
    body, another = (one.partition(b"\r\n\r\n")[2] for one in (response, other))
    return _masked(body) == _masked(another)


def repeats(text: bytes, preamble: bytes) -> bool:
    """Return whether *text* has the preamble itself, not only what it says.

    Whoever repeats what was sent may show the address without having read it.
    """
    if preamble.startswith(b"PROXY "):
        said = text.upper()
        return all(word in said for word in preamble.split(b" ")[:2])
    return preamble[:9] in text


def _masked(text: bytes) -> list[bytes]:
    for mark, instead in _MARKS.values():
        text = text.replace(instead, mark).replace(instead.lower(), mark.lower())
    words = text.split()
    rest = (re.sub(rb".*\d.*", b"#", word, flags=re.DOTALL) for word in words[1:])
    return [*words[:1], *rest]
