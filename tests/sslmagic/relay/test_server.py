"""What every virtual server counts and gives back."""

from __future__ import annotations

import contextlib

from sslmagic.errors import Reason
from sslmagic.relay.limits import Limits
from sslmagic.relay.pair import ClientEnd
from sslmagic.relay.server import VirtualServer
from tests.sslmagic.relay.harness import Running, is_closed


class Refusing(VirtualServer):
    """Refuses everybody, one twice over."""

    def accepted(self, client: ClientEnd, name: object, local: object) -> None:
        self.refuse(client, "a\nb", Reason.PEER, "not today")
        self.dismiss(client)


def test_a_refusal_is_counted_said_and_given_back_once() -> None:
    with Running(lambda worker: Refusing(worker, Limits())) as relay:
        with relay.client(b"x") as client:
            assert is_closed(client)
        relay.until(accepted=1, refused_peer=1)
        relay.when(lambda: relay.server.live == 0)
        assert relay.said() == "magic: refused a\\nb: peer: not today\n"


def test_buffers_are_as_large_as_the_limits_say() -> None:
    limits = Limits(max_client_buffer=2048, max_server_buffer=4096)
    with Running(lambda worker: Refusing(worker, limits)) as relay:
        assert relay.server.room == (2048, 4096)
        assert len(relay.server.view) == 4096


def test_one_worker_may_have_no_room_at_all() -> None:
    limits = Limits(max_concurrent_connections=1)
    with Running(lambda worker: Refusing(worker, limits)) as relay:
        assert relay.server.most == 1
        with contextlib.closing(relay.client(b"x")) as client:
            assert is_closed(client)
