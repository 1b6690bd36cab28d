"""`--connection N`: one connection in full."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from sslmagic.anatomy import REST, UNREAD, Field, anatomy, printable
from sslmagic.capture.connection import Connection
from sslmagic.capture.conversation import Conversation, Ended, Side
from sslmagic.capture.verdict import Verdict
from sslmagic.errors import DecodeError, Reason
from sslmagic_cli import render
from sslmagic_cli.inspect.record import VERSIONS, moment
from sslmagic_cli.inspect.rows import drawn_as, shown

__all__ = ["fault_of", "full", "octets_of"]

_SECOND = 1_000_000_000
_BEHIND = 32
"""Octets that are shown of what follows a preamble."""
_MOST_BEHIND = 8
"""Fields behind a fault."""
_FOLLOWS = {
    "tls": "TLS: the ClientHello",
    "http": "HTTP",
    "ssh": "SSH",
}
_MOST_SEGMENTS = 12
"""Arrivals of the front that are listed."""


def full(connection: Connection) -> Iterable[RenderableType]:
    """Yield what is known of *connection*."""
    conversation = connection.conversation
    yield _title(conversation)
    yield Text()
    yield _verdict(connection)
    if conversation.sent.octets:
        yield Text()
        fields = octets_of(connection)
        yield render.fields(fields, fault=fault_of(connection))
    yield Text()
    yield _steps(connection)
    yield Text()
    yield _facts(connection)


def octets_of(connection: Connection) -> list[Field]:
    """Return the fields of the front: of a second preamble as well, where there is."""
    octets = connection.conversation.sent.octets
    split = len(octets)
    if connection.verdict in (Verdict.NESTED, Verdict.LATE) and connection.offset:
        split = connection.offset
    parts = [*anatomy(octets[:split], connection.format or "")]
    parts += [
        part._replace(offset=part.offset + split) for part in anatomy(octets[split:])
    ]
    return [
        _named(part, connection) for part in _shortened(parts, fault_of(connection))
    ]


def _shortened(parts: list[Field], fault: DecodeError | None) -> list[Field]:
    """Return *parts* without most of what stands behind the fault: it means nothing."""
    if fault is None:
        return parts
    behind = [part for part in parts if part.offset > fault.offset]
    if len(behind) <= _MOST_BEHIND:
        return parts
    before = parts[: len(parts) - len(behind)]
    rest = b"".join(part.octets for part in behind[_MOST_BEHIND:])
    at = behind[_MOST_BEHIND].offset
    unread = Field(at, rest[:_BEHIND], UNREAD, f"{len(rest)} octets seen")
    return [*before, *behind[:_MOST_BEHIND], unread]


def fault_of(connection: Connection) -> DecodeError | None:
    """Return the fault as something that can be pointed at; None if it is no octet."""
    if connection.offset is None or not connection.is_fault:
        return None
    if connection.verdict is Verdict.MISSING:
        # Nothing is wrong with what is there.
        return None
    words = connection.words.removeprefix(f"octet {connection.offset}: ")
    # Only its words and its place are shown.
    return DecodeError(words, reason=Reason.FORMAT, offset=connection.offset)


def _named(part: Field, connection: Connection) -> Field:
    """Return *part*, and what is known of octets that are no preamble's."""
    if part.name not in (REST, UNREAD) or part.meaning:
        return part
    is_front = part.offset == 0 and connection.frame is None
    if not is_front and part.name != REST:
        return part
    meaning = _FOLLOWS.get(connection.follows, "")
    if connection.verdict is Verdict.NESTED:
        meaning = ""
    shortened = part.octets[:_BEHIND]
    if len(part.octets) > len(shortened):
        meaning += f"{'; ' if meaning else ''}{len(part.octets)} octets seen"
    name = "at the front" if is_front else part.name
    return part._replace(octets=shortened, name=name, meaning=meaning)


def _title(conversation: Conversation) -> Text:
    text = Text.assemble(
        (f"connection {conversation.number}", "bold"),
        (f" of {printable(conversation.capture)}", "dim"),
        "\n",
        (shown(conversation.peer), "bold"),
        " -> ",
        (shown(conversation.listener), "cyan"),
    )
    for vlan in conversation.vlans:
        text.append(f"  VLAN {vlan}", "dim")
    return text


def _verdict(connection: Connection) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    style = drawn_as(connection)
    table.add_row(Text(str(connection.verdict), style), Text(connection.words))
    if connection.is_fault and connection.advice:
        table.add_row("", Text(connection.advice, "dim"))
    return table


def _steps(connection: Connection) -> Table:
    """Return what happened, in its order."""
    conversation, timing = connection.conversation, connection.timing
    opened = conversation.opened
    steps: list[tuple[int, str]] = []
    if timing.accepted is not None:
        steps.append((timing.accepted, "accepted: SYN-ACK"))
    steps += _arrivals(conversation.sent)
    for time, said in (
        (timing.preamble, f"the preamble is whole, {_length(connection)}"),
        (timing.hello, "the ClientHello is whole"),
        (timing.answer, f"the listener answers: {connection.answer}"),
    ):
        if time is not None:
            steps.append((time, said))
    steps.sort(key=lambda step: step[0])
    steps.append((conversation.closed, _end(conversation)))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("seconds", justify="right", style="dim", no_wrap=True)
    table.add_column("what")
    begun = "SYN" if conversation.begun else "first packet; the SYN is not there"
    table.add_row("0", Text(f"{begun}, {moment(opened)}"))
    for time, said in steps:
        table.add_row(f"{(time - opened) / _SECOND:.6f}", Text(said))
    return table


def _arrivals(side: Side) -> list[tuple[int, str]]:
    """Return the segments in which the front came."""
    before, said = 0, list[tuple[int, str]]()
    for there, time in side.arrivals[:_MOST_SEGMENTS]:
        said.append((time, f"octets {before} to {there - 1} from the peer"))
        before = there
    if len(side.arrivals) > _MOST_SEGMENTS:
        more = len(side.arrivals) - _MOST_SEGMENTS
        time = side.arrivals[_MOST_SEGMENTS][1]
        said.append((time, f"... {more} more pieces of the front"))
    return said


def _length(connection: Connection) -> str:
    return f"{len(connection.frame.octets)} octets" if connection.frame else ""


def _end(conversation: Conversation) -> str:
    who = f" by the {conversation.ended_by}" if conversation.ended_by else ""
    match conversation.ended:
        case Ended.OPEN:
            return "the last packet; still open"
        case Ended.CLOSED:
            return f"closed{who}"
        case _:
            return f"reset{who}"


def _facts(connection: Connection) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, said, style in _said(connection):
        if said:
            table.add_row(name, Text(printable(said), style))
    return table


def _said(connection: Connection) -> Iterable[tuple[str, str, str]]:
    sent, answered = connection.conversation.sent, connection.conversation.answered
    yield "client", shown(connection.client), "bold green" * bool(connection.client)
    if connection.preamble is not None:
        destination = shown(connection.preamble.destination)
        unsaid = connection.preamble.lacks_destination
        yield "connected to", "not said" if unsaid else destination, "cyan"
        for tlv in connection.preamble.tlvs:
            said = tlv.said
            yield tlv.name, tlv.value.hex() if said is None else str(said), "yellow"
    yield "follows", connection.follows, ""
    if (tls := connection.tls) is not None:
        yield "server name", tls.server_name or "none", ""
        yield "ALPN", ", ".join(name.decode("latin-1") for name in tls.alpn), ""
        names = [VERSIONS.get(number, f"{number:#06x}") for number in tls.versions]
        yield "versions", ", ".join(names), ""
        yield "early data", "yes" * tls.early_data, "yellow"
    yield "answer", connection.answer or "none", ""
    yield "octets", f"{sent.length} from the peer, {answered.length} back", ""
    yield "packets", f"{sent.packets} from the peer, {answered.packets} back", ""
    for name in ("retransmitted", "reordered", "conflicting"):
        count = getattr(sent, name) + getattr(answered, name)
        unit = "octets that came twice and differ" if name == "conflicting" else ""
        yield name, f"{count} {unit}".strip() * bool(count), "yellow"
