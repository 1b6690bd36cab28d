"""Looking at octets in their order, and the one way to refuse them."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818, it is a verdict on octets
    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason, offset)
        self.reason = reason
        self.offset = offset


def need(octets: bytes, end: int) -> None:
    if len(octets) < end:
        raise Refused("truncated", len(octets))


def same(octets: bytes, at: int, wanted: bytes) -> None:
    for index, octet in enumerate(wanted, at):
        need(octets, index + 1)
        if octets[index] != octet:
            raise Refused("format", index)


def number(octets: bytes, at: int, size: int) -> int:
    need(octets, at + size)
    return int.from_bytes(octets[at : at + size], "big")
