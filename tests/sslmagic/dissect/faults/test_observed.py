"""observed.py: the preamble is whole and good, and the capture says more, or less."""

from __future__ import annotations

import pytest

from sslmagic.dissect.faults import observed
from sslmagic.dissect.faults.draft import Draft
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble
from sslmagic.wire import encode
from tests.sslmagic.dissect.faults.second import (
    check_valid,
    every_family,
    every_one_of,
    made,
)
from tests.sslmagic.dissect.recipes import IPV4
from tests.vectors.second.reader import decode

VERDICTS = {"loss": "unseen", "midway": "unseen", "conflict": "ok", "wrong-port": "ok"}


@every_one_of(observed)
@every_family
def test_the_second_reader_agrees(name: str, format: str, preamble: Preamble) -> None:
    one = made(name, format, preamble)
    check_valid(one, format)
    assert one.expected["verdict"] == VERDICTS[name]


def test_another_client_is_as_long_and_is_not_kept() -> None:
    draft = Draft(format="magic", preamble=IPV4, octets=encode(IPV4))
    changed = observed.conflict(draft)
    assert len(changed.conflicting) == len(changed.octets)
    assert decode(changed.conflicting, "magic")["source"]["host"] == "192.0.2.66"


def test_another_client_needs_one() -> None:
    draft = Draft(format="magic", preamble=Preamble.local(), octets=bytes(12))
    with pytest.raises(EncodeError, match="nobody is named"):
        observed.conflict(draft)
