# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""MAGIC and the PROXY protocol as scapy layers: to build, dissect, show and fuzz.

    from sslmagic.dissect.scapy_layer import MAGIC, AuthorityTLV, CRC32CTLV

    octets = bytes(MAGIC(source="203.0.113.9", tlvs=[AuthorityTLV(), CRC32CTLV()]))
    MAGIC(octets).show()

Lengths, checksums and the transport are computed where they are not given, and built as
they stand where they are. Every octet string is dissected, however broken, and built
again to the same octets; `sslmagic.decoder` is who judges it. What cannot be told apart
stands in `unread`, and a field that is cut short is a `Cut`. What follows a preamble is
another one, scapy's TLS, or Raw, as its first octets say.

Importing this changes nothing of what scapy makes of other traffic. `bind` does, for
the ports that it is told; and the first TLS that follows a preamble loads scapy's TLS,
which binds itself to port 443. The module needs the extra ``scapy``.
"""

from __future__ import annotations

from typing import Any

from scapy.layers.inet import TCP
from scapy.packet import Packet, Raw, split_bottom_up
from scapy.sessions import streamcls

from sslmagic.decoder import Framer
from sslmagic.dissect.formats import (
    MAGIC,
    PROXYv1,
    PROXYv2,
    following,
    starts_record,
)
from sslmagic.dissect.tlv import (
    ALPNTLV,
    CRC32CTLV,
    TLV,
    AuthorityTLV,
    CertificateTLV,
    CipherTLV,
    CommonNameTLV,
    GroupTLV,
    KeyAlgorithmTLV,
    NetworkNamespaceTLV,
    NoopTLV,
    SignatureAlgorithmTLV,
    SignatureSchemeTLV,
    UniqueIdTLV,
    VersionTLV,
)
from sslmagic.dissect.tlvs import SSLTLV, TLVS
from sslmagic.dissect.total import NOTHING, Cut
from sslmagic.dissect.vendors import (
    AWSTLV,
    AzureTLV,
    GoogleTLV,
    HitchTLV,
    IstioTLV,
    ProofTLV,
    TeleportTLV,
)
from sslmagic.errors import DecodeError
from sslmagic.wire import FORMATS

__all__ = [
    "ALPNTLV",
    "AWSTLV",
    "CRC32CTLV",
    "MAGIC",
    "NOTHING",
    "SSLTLV",
    "TLV",
    "TLVS",
    "AuthorityTLV",
    "AzureTLV",
    "CertificateTLV",
    "CipherTLV",
    "CommonNameTLV",
    "Cut",
    "GoogleTLV",
    "GroupTLV",
    "HitchTLV",
    "IstioTLV",
    "KeyAlgorithmTLV",
    "NetworkNamespaceTLV",
    "NoopTLV",
    "PROXYv1",
    "PROXYv2",
    "ProofTLV",
    "SignatureAlgorithmTLV",
    "SignatureSchemeTLV",
    "StreamFront",
    "TeleportTLV",
    "UniqueIdTLV",
    "VersionTLV",
    "bind",
    "unbind",
]


class StreamFront(Packet):
    """Whatever stands at the front of a stream: a preamble, TLS, or Raw."""

    name = "front of a stream"

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *_: Any, **__: Any) -> Any:
        """Return the layer that the first octets are of."""
        return (following(_pkt) if _pkt else None) or Raw

    @classmethod
    def tcp_reassemble(
        cls, data: bytes, metadata: dict[str, Any], session: dict[str, Any]
    ) -> Packet | None:
        """Return a layer once it is whole, for scapy's `TCPSession`.

        Behind its preamble, a stream is put together by the layer that follows.
        """
        if metadata.get("tcp_end"):
            # scapy forgets it between the layers of one packet.
            session["ended"] = True
        length = 0 if session.get("preamble") else _preamble(data)
        found: Packet | None
        if length is None:
            found = cls(data) if session.get("ended") else None
        else:
            found = cls._with_follower(data, length, metadata, session)
        if found is not None:
            session["preamble"] = True
        return found

    @classmethod
    def _with_follower(
        cls, data: bytes, length: int, metadata: dict[str, Any], session: dict[str, Any]
    ) -> Packet | None:
        """Return the preamble of *length* octets and what follows, once it is whole."""
        if session.get("ended"):
            return cls(data)
        rest = data[length:]
        follower = following(rest) if rest else None
        if follower is None or not hasattr(follower, "tcp_reassemble"):
            return None if starts_record(rest) else cls(data)
        # Its own: what it counts, it counts from its own first octet.
        own = metadata.setdefault("follower", {})
        own |= {key: metadata[key] for key in _OF_SESSION if key in metadata}
        found = streamcls(follower)(rest, own, session)
        if found is None:
            if (least := own.get("tcp_min_len")) is not None:
                metadata["tcp_min_len"] = length + least
            return None
        return cls(data[:length]) / found if length else found


_OF_SESSION = "original", "ident", "tcp_end", "tcp_psh"
"""What scapy's `TCPSession` says of the packet that came last."""


def _preamble(data: bytes) -> int | None:
    """Return how long the preamble in front is: 0 if none is, None if it is not all."""
    try:
        frame = Framer(FORMATS).feed(data)
    except DecodeError:
        return 0
    return None if frame is None else len(frame.octets)


def bind(*ports: int) -> None:
    """Dissect what is sent to these TCP ports as `StreamFront`, before anything else.

    scapy sees packets and no streams: a later segment that happens to begin like a
    preamble is taken for one. `TCPSession` puts a preamble in pieces together.
    """
    unbind(*ports)
    # In front: scapy's own binding of 443 to TLS would win otherwise.
    first = [({"dport": port}, StreamFront) for port in ports]
    TCP.payload_guess = [*first, *TCP.payload_guess]


def unbind(*ports: int) -> None:
    """Undo `bind`."""
    for port in ports:
        split_bottom_up(TCP, StreamFront, dport=port)
