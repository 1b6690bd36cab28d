"""What the tests of faults and of recipes begin with."""

from __future__ import annotations

import functools
import ssl

import trustme

from sslmagic.block import Endpoint
from sslmagic.dissect.packets import Path
from sslmagic.dissect.session import Session
from sslmagic.preamble import Preamble

PATH = Path(peer=Endpoint("192.0.2.2", 40112), listener=Endpoint("192.0.2.10", 8443))
IPV4 = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
IPV6 = Preamble(source=("2001:db8::9", 51234), destination=("2001:db8:f::2", 443))


@functools.cache
def session() -> Session:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("shop.example").configure_cert(context)
    return Session.made(context, version="1.2", alpn=["h2"])
