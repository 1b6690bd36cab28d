"""The parts of a preamble for people: every octet, where it stands and what it means.

This is a view, not a decoder: it judges nothing, and lays out the front of a broken
preamble as far as its structure goes, so that a `DecodeError.offset` can be pointed at.
"""

from __future__ import annotations

from sslmagic.anatomy.formats import REST, UNREAD, anatomy
from sslmagic.anatomy.walk import Field, printable

__all__ = ["REST", "UNREAD", "Field", "anatomy", "printable"]
