"""What a reader must say of a connection that was made: known from its making alone."""

from __future__ import annotations

from typing import Final, Literal

from sslmagic.block import Endpoint, UnixEndpoint
from sslmagic.dissect.exchange import Exchange
from sslmagic.dissect.faults.draft import Draft
from sslmagic.dissect.packets import Path
from sslmagic.dissect.session import Session
from sslmagic.preamble import Command, Preamble
from sslmagic.tlv import TLV, Type

__all__ = ["Way", "expected", "expected_preamble"]

Way = Literal["close", "reset", "open"]
"""How a connection ends that is served."""

_JUDGED: Final = {"ok", "local", "nested", "hello"}
"""The verdicts on a preamble that is itself valid and believed."""


def expected(
    draft: Draft,
    exchange: Exchange,
    path: Path,
    session: Session | None,
    ending: Way,
) -> dict[str, object]:
    """Return the members of what `magic inspect --json` says of a connection.

    Args:
        draft: what was made of the front.
        exchange: all that was sent.
        session: what follows; None for a request in clear.
        ending: how it ends if it is served.
    """
    said: dict[str, object] = {
        "peer": _endpoint(path.peer),
        "listener": _endpoint(path.listener),
    }
    said |= {"vlans": list(path.vlans), "verdict": draft.verdict}
    if draft.offset is not None:
        said["offset"] = draft.offset
    if draft.verdict == "late":
        assert session is not None
        said["offset"] = len(session.hello)
    if draft.verdict in _JUDGED:
        client = None if draft.verdict == "local" else draft.preamble.source
        said["format"] = draft.format
        said["client"] = _endpoint(client)
        said["preamble"] = expected_preamble(draft.preamble, draft.format, draft.octets)
    elif draft.verdict in ("missing", "silent"):
        said |= {"format": None, "client": None, "preamble": None}
    if draft.verdict in _JUDGED | {"missing", "late", "silent"}:
        said |= _followed(draft, session)
    if path.fragments == 0:
        said["packets"] = sum(1 for _ in exchange.timed())
    said |= _ended(draft, ending)
    if not draft.unseen:
        peer, listener = (len(exchange.said[one]) for one in exchange.said)
        said["octets"] = {"peer": peer, "listener": listener}
    if draft.conflicting:
        first = len(draft.conflicting)
        differ = zip(draft.octets[:first], draft.conflicting, strict=True)
        said["conflicting"] = sum(one != two for one, two in differ)
    return said


def expected_preamble(
    preamble: Preamble, format: str, octets: bytes
) -> dict[str, object]:
    """Return what `magic inspect --json` says of an unsigned preamble."""
    tlvs = list(preamble.tlvs)
    if octets[-7:-4] == bytes([Type.CRC32C, 0, 4]) and not preamble.tlv(Type.CRC32C):
        # The encoder puts the one that it works out behind the others.
        tlvs.append(TLV(Type.CRC32C, octets[-4:]))
    if format == "proxy2" and preamble.command is Command.LOCAL:
        tlvs = []
    return {
        "format": format,
        "command": preamble.command.name,
        "transport": preamble.transport.label,
        "source": _endpoint(preamble.source),
        "destination": _endpoint(preamble.destination),
        "tlvs": [
            {"type": one.type, "name": one.name, "hex": one.value.hex()} for one in tlvs
        ],
        "length": len(octets),
        "proof": None,
    }


def _followed(draft: Draft, session: Session | None) -> dict[str, object]:
    if draft.silent:
        return {"follows": "nothing", "tls": None}
    if draft.behind:
        return {"follows": draft.format, "tls": None}
    if draft.instead or session is None:
        return {"follows": "http", "tls": None}
    return {"follows": "tls", "tls": session.described()}


def _ended(draft: Draft, ending: Way) -> dict[str, object]:
    ways = {"close": ("closed", "peer"), "reset": ("reset", "peer")}
    ended, by = {
        "served": ways.get(ending, ("open", None)),
        "refused": ("reset", "listener"),
        "left": ("closed", "peer"),
        "broken": ("reset", "peer"),
        "expired": ("closed", "listener"),
        "open": ("open", None),
    }[draft.ending]
    return {"ended": ended, "ended_by": by}


def _endpoint(endpoint: Endpoint | UnixEndpoint | None) -> dict[str, object] | None:
    return None if endpoint is None else endpoint._asdict()
