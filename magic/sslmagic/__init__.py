"""sslmagic carries a client's address through TLS passthrough.

>>> from sslmagic import Preamble, decode, encode
>>> preamble = Preamble(
...     source=("203.0.113.9", 51234), destination=("198.51.100.2", 443)
... )
>>> octets = encode(preamble, "magic")
>>> preamble, rest = decode(octets + b"ClientHello", "magic")
>>> preamble.source
Endpoint(host='203.0.113.9', port=51234)
>>> rest
b'ClientHello'
"""

from __future__ import annotations

from sslmagic.decoder import Decoder, decode
from sslmagic.errors import (
    ConfigurationError,
    DecodeError,
    EncodeError,
    IncompleteError,
    ProofError,
    Reason,
    SslMagicError,
    UntrustedError,
)
from sslmagic.preamble import Command, Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.trust import Trust
from sslmagic.wire import encode

__all__ = [
    "TLV",
    "Command",
    "ConfigurationError",
    "DecodeError",
    "Decoder",
    "EncodeError",
    "Endpoint",
    "IncompleteError",
    "Preamble",
    "ProofError",
    "Reason",
    "SslMagicError",
    "Transport",
    "Trust",
    "UnixEndpoint",
    "UntrustedError",
    "decode",
    "encode",
]
