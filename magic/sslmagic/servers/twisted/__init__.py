"""Twisted: any stream server, behind preambles, by an endpoint around its own.

    twist web --listen=sslmagic:ssl:8443:certKey=…:privateKey=…:trust=10.0.0.0/8

    inner endpoint ──its port, no longer reading──▶ port ──▶ transports, clients' own
                                     Listener ──────┘         └── TLS, protocol

There is no command: where Twisted has a command line, `twist` and `twistd`, it takes
such descriptions. `transport.getPeer()` is the client, with `.preamble` and `.peer` on
it, and so is whom twisted.web's requests and access log name.
"""

from __future__ import annotations

from sslmagic.servers.twisted.address import Unnamed, client_address
from sslmagic.servers.twisted.endpoint import DescriptionParser, PreambleEndpoint, run

__all__ = ["DescriptionParser", "PreambleEndpoint", "Unnamed", "client_address", "run"]
