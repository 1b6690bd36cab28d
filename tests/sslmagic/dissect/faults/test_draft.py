"""draft.py: what a fault asks of the preamble, and how one is refused."""

from __future__ import annotations

import pytest

from sslmagic.dissect.faults.draft import Draft, addressed, client, refused
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble, UnixEndpoint
from tests.sslmagic.dissect.recipes import IPV4

NOBODY = Draft(format="magic", preamble=Preamble.local(), octets=b"")
SOMEBODY = Draft(format="magic", preamble=IPV4, octets=b"")
PATHS = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))


def test_what_has_no_address_has_no_fault_of_addresses() -> None:
    assert addressed(SOMEBODY) == IPV4.block
    assert client(SOMEBODY) == IPV4.source
    with pytest.raises(EncodeError, match="without addresses"):
        addressed(NOBODY)
    for preamble in (Preamble.local(), PATHS):
        with pytest.raises(EncodeError, match="must be IP:PORT"):
            client(Draft(format="magic", preamble=preamble, octets=b""))


def test_a_refusal_says_where_and_ends_the_connection() -> None:
    draft = refused(SOMEBODY, "tlv", b"octets", 3)
    assert (draft.verdict, draft.octets, draft.offset) == ("tlv", b"octets", 3)
    assert draft.ending == "refused"
