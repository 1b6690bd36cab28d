"""Proof: that a preamble was made by who has the key, for this stream and receiver.

Sealing and verifying are pure functions here. Keys, the record of what was seen and
the policy of a listener stand above them.
"""

from __future__ import annotations

from sslmagic.proof.message import Bind, Hop
from sslmagic.proof.seal import seal
from sslmagic.proof.verify import verify

__all__ = ["Bind", "Hop", "seal", "verify"]
