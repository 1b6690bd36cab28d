"""The listening socket that takes the preamble off each connection, and its parts.

Listener ──accept()──▶ Arrivals ──▶ Connection, its client as PeerName
                         ├── Alarm       wakes it for a deadline
                         └── Journal     says why somebody was refused
"""

from __future__ import annotations

from sslmagic.listener.connection import Connection
from sslmagic.listener.listener import WAITING, Listener, listeners
from sslmagic.listener.peername import PeerName

__all__ = ["WAITING", "Connection", "Listener", "PeerName", "listeners"]
