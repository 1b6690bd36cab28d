"""A few samples side by side, of octets that a test gives."""

from __future__ import annotations

from sslmagic.capture.learning.columns import Columns
from sslmagic.capture.learning.sample import Sample
from sslmagic.preamble import Endpoint

__all__ = ["CLIENTS", "SHOP", "columns", "samples"]

SHOP = Endpoint("198.51.100.2", 443)
CLIENTS = [
    Endpoint("203.0.113.9", 51234),
    Endpoint("8.8.4.4", 1234),
    Endpoint("192.0.2.77", 40000),
]


def samples(*rows: bytes) -> list[Sample]:
    return [Sample(*row, SHOP) for row in zip(rows, CLIENTS, strict=False)]


def columns(*rows: bytes) -> Columns:
    return Columns(samples(*rows))
