"""conversation.py: values that stand for themselves."""

from __future__ import annotations

import pickle

from sslmagic.block import Endpoint
from sslmagic.capture.conversation import Conversation, Ended, Side


def conversation() -> Conversation:
    return Conversation(
        capture="a.pcap",
        number=1,
        peer=Endpoint("192.0.2.1", 50000),
        listener=Endpoint("192.0.2.2", 443),
        opened=1,
        closed=2,
        sent=Side(octets=b"x", arrivals=[(1, 2)]),
        answered=Side(),
    )


def test_nothing_is_said_that_was_not_seen() -> None:
    one = conversation()
    assert (one.begun, one.accepted, one.ended, one.ended_by) == (
        False,
        None,
        Ended.OPEN,
        None,
    )
    assert one.sent.arrivals is not one.answered.arrivals


def test_a_conversation_survives_a_process_boundary() -> None:
    assert pickle.loads(pickle.dumps(conversation())) == conversation()


def test_how_it_ended_is_a_word() -> None:
    assert {ended.value for ended in Ended} == {"open", "closed", "reset"}
