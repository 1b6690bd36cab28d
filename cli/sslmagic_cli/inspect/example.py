"""A faulty connection in a report: its octets, the fault pointed at, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from sslmagic.anatomy import REST, UNREAD, Field, printable
from sslmagic.capture.connection import Connection
from sslmagic.errors import DecodeError
from sslmagic_cli.inspect.full import fault_of, octets_of
from sslmagic_cli.inspect.rows import clock, shown

__all__ = ["drawn"]

_PER_LINE = 16
_MOST_LINES = 3
_MOST_CHARACTERS = 160
_FROM = frozenset({"source", "source port", "source path"})


def drawn(connection: Connection) -> str:
    """Return the HTML of one connection, which can be opened."""
    conversation = connection.conversation
    octets = ""
    if conversation.sent.octets:
        rows = "".join(_rows(octets_of(connection), fault_of(connection)))
        octets = (
            '<div class="scroll"><table class="octets"><thead class="hidden"><tr>'
            '<th scope="col">offset</th><th scope="col">octets</th>'
            '<th scope="col">name</th><th scope="col">meaning</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )
    return (
        f'<details><summary><span class="at muted">{conversation.number}</span>'
        f'<span class="said">{escape(connection.words)}</span></summary>'
        f'<div class="inside">{octets}'
        f"{_facts(connection)}</div></details>\n"
    )


def _rows(fields: list[Field], fault: DecodeError | None) -> Iterator[str]:
    end = 0
    for part in fields:
        at = fault.offset - part.offset if fault else len(part.octets)
        end = part.offset + len(part.octets)
        beyond = at < 0 or part.name in (REST, UNREAD)
        hit = 0 <= at < len(part.octets)
        name = '<span class="inner">' * part.level + escape(part.name)
        name += "</span>" * part.level
        meaning = part.meaning
        if len(meaning) > _MOST_CHARACTERS:
            meaning = f"{meaning[:_MOST_CHARACTERS]}..."
        said = escape(meaning)
        if hit:
            said += f'{"<br>" * bool(said)}<span class="said">{_words(fault)}</span>'
        style = "meaning from" if part.name in _FROM and at >= 0 else "meaning"
        yield (
            f"<tr{' class=beyond' * (beyond and not hit)}>"
            f'<td class="number">{part.offset}</td>'
            f'<td class="hex">{_hex(part.octets, at if hit else None)}</td>'
            f'<td>{name}</td><td class="{style}">{said}</td></tr>'
        )
    if fault and fault.offset >= end:
        yield (
            f'<tr><td class="number">{end}</td><td class="hex"><mark>--</mark></td>'
            f'<td></td><td class="meaning said">{_words(fault)}</td></tr>'
        )


def _hex(octets: bytes, at: int | None) -> str:
    """Return the octets, few lines of them, with the one at *at* marked."""
    if len(octets) > _PER_LINE and len(set(octets)) == 1 and at is None:
        return f"{len(octets)} x {octets[:1].hex()}"
    first = 0 if at is None else at - at % _PER_LINE
    end = first + _PER_LINE * (_MOST_LINES if at is None else 1)
    lines: list[str] = []
    for start in range(first, min(end, len(octets)), _PER_LINE):
        line = [f"{octet:02x}" for octet in octets[start : start + _PER_LINE]]
        if at is not None:
            line[at - start] = f"<mark>{line[at - start]}</mark>"
        lines.append(" ".join(line))
    if end < len(octets):
        lines.append(f"... {len(octets) - end} more")
    return "\n".join(lines)


def _words(fault: DecodeError | None) -> str:
    return escape(printable(str(fault)))


def _facts(connection: Connection) -> str:
    conversation = connection.conversation
    sent = conversation.sent
    facts = [
        ("opened", f"{clock(conversation.opened)} UTC"),
        ("peer", shown(conversation.peer)),
        ("listener", shown(conversation.listener)),
        ("server name", connection.tls.server_name if connection.tls else None),
        ("answer", connection.answer),
        ("sent", f"{sent.length} octets in {sent.packets} packets"),
        ("ended", str(conversation.ended)),
        ("capture", conversation.capture),
    ]
    said = "".join(
        f"<dt>{name}</dt><dd>{escape(printable(text))}</dd>"
        for name, text in facts
        if text
    )
    return f'<dl class="facts">{said}</dl>'
