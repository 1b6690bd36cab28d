"""Says a preamble again in another format, as a relay does for the next hop.

What belongs to the hop that it came over stays behind: checksum, padding, proof. What
the other format has another word for is said in that word (spec.md section 13).
"""

from __future__ import annotations

from sslmagic.preamble import Command, Endpoint, Preamble, Transport, checked
from sslmagic.tlv import HOP_TYPES, TLV, fits_magic
from sslmagic.wire.learnt import Learnt

__all__ = ["translate"]


def translate(
    preamble: Preamble, format: str, destination: Endpoint | None = None
) -> Preamble:
    """Return *preamble* as *format* can say it; addresses are never changed.

    LOCAL becomes UNKNOWN in PROXY v1, and PROXY without addresses becomes LOCAL in
    MAGIC. TLVs go where there are none, and where their value does not fit: a name
    with an underscore is no reason to refuse its client.

    *destination* stands where the preamble does not say where its client connected.
    What remains impossible, UDP in MAGIC say, is `encode`'s to refuse.
    """
    if preamble.lacks_destination:
        if destination is None:
            return preamble
        return Preamble(source=preamble.source, destination=destination)
    tlvs = tuple(tlv for tlv in preamble.tlvs if _is_said(tlv, format))
    if preamble.transport is not Transport.UNKNOWN:
        return checked(preamble.transport, preamble.block, tlvs)
    if format == "proxy1":
        return Preamble(transport=Transport.UNKNOWN)
    if format == "magic" or preamble.command is Command.LOCAL:
        return Preamble.local(tlvs)
    return Preamble(transport=Transport.UNKNOWN, tlvs=tlvs)


def _is_said(tlv: TLV, format: str) -> bool:
    if tlv.type in HOP_TYPES or format == "proxy1" or isinstance(format, Learnt):
        return False
    return format != "magic" or fits_magic(tlv)
