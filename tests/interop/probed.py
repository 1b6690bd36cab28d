"""The listeners that `magic probe` is tried on, as an operator would set them up."""

from __future__ import annotations

import dataclasses

from tests.interop.peers import PEERS
from tests.interop.probed_programs import TRUSTED

__all__ = ["LISTENERS", "STRANGER", "Listener"]

STRANGER = "127.0.0.66"

ENDLESS = 1.2
"""Seconds to wait for one that has no deadline."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One row of the table."""

    name: str
    setting: str
    """What of its configuration matters, as an operator writes it."""
    program: str
    """Of `PROGRAMS`."""
    place: str
    """The key of its address among those of its program."""
    needs: tuple[str, ...] = ()
    source: str = TRUSTED
    """Where it is asked from."""
    patience: float = 1.6
    """Seconds to wait for who says nothing: more than its deadline, if it has one."""

    @property
    def is_here(self) -> bool:
        return all(PEERS[name].present() for name in self.needs)


LISTENERS = (
    Listener(
        name="HAProxy",
        setting="bind … ssl",
        program="haproxy",
        place="haproxy-plain",
        needs=("haproxy",),
    ),
    Listener(
        name="HAProxy",
        setting="bind … accept-proxy ssl",
        program="haproxy",
        place="haproxy-accept",
        needs=("haproxy",),
    ),
    Listener(
        name="HAProxy",
        setting="tcp-request connection expect-proxy layer4 if { src 127.0.0.9 }",
        program="haproxy",
        place="haproxy-expect",
        needs=("haproxy",),
    ),
    Listener(
        name="HAProxy",
        setting="tcp-request connection expect-proxy layer4 if { src 127.0.0.9 }",
        program="haproxy",
        place="haproxy-expect",
        needs=("haproxy",),
        source=STRANGER,
    ),
    Listener(
        name="nginx",
        setting="listen … ssl proxy_protocol; set_real_ip_from 127.0.0.9",
        program="nginx",
        place="nginx-real",
        needs=("nginx",),
    ),
    Listener(
        name="nginx",
        setting="listen … ssl proxy_protocol; set_real_ip_from 127.0.0.9",
        program="nginx",
        place="nginx-real",
        needs=("nginx",),
        source=STRANGER,
    ),
    Listener(
        name="nginx",
        setting="listen … proxy_protocol, without TLS and set_real_ip_from",
        program="nginx",
        place="nginx-clear",
        needs=("nginx",),
    ),
    Listener(
        name="nginx stream",
        setting="listen … ssl proxy_protocol; set_real_ip_from 127.0.0.9",
        program="nginx",
        place="nginx-stream",
        needs=("nginx", "nginx-stream"),
    ),
    Listener(
        name="hitch",
        setting="proxy-proxy, the backend believes it",
        program="hitch",
        place="hitch-proxy",
        needs=("hitch",),
        patience=ENDLESS,
    ),
    Listener(
        name="hitch",
        setting="write-proxy-v2, the backend believes it",
        program="hitch",
        place="hitch-write",
        needs=("hitch",),
        patience=ENDLESS,
    ),
    Listener(
        name="stunnel",
        setting="protocol = proxy, the backend believes it",
        program="stunnel",
        place="stunnel",
        needs=("stunnel",),
    ),
    Listener(
        name="gunicorn",
        setting="--proxy-protocol auto --proxy-allow-from 127.0.0.9",
        program="gunicorn",
        place="gunicorn",
        patience=ENDLESS,
    ),
    Listener(
        name="gunicorn",
        setting="--proxy-protocol auto --proxy-allow-from 127.0.0.9",
        program="gunicorn",
        place="gunicorn",
        source=STRANGER,
        patience=ENDLESS,
    ),
    Listener(
        name="gunicorn",
        setting="the same with --certfile",
        program="gunicorn-tls",
        place="gunicorn-tls",
        patience=ENDLESS,
    ),
    Listener(
        name="go-proxyproto",
        setting="Policy: REQUIRE, in front of crypto/tls",
        program="go-proxyproto",
        place="go-require",
        needs=("go", "go-proxyproto"),
    ),
    Listener(
        name="go-proxyproto",
        setting="Policy: USE, as it is without one",
        program="go-proxyproto",
        place="go-use",
        needs=("go", "go-proxyproto"),
    ),
    Listener(
        name="magic node",
        setting="--trust 127.0.0.9 --accept magic --accept proxy1 --accept proxy2",
        program="node",
        place="node",
        # The kernel keeps back who says nothing, for a second more.
        patience=2.5,
    ),
    Listener(
        name="magic node",
        setting="--trust 127.0.0.9 --accept magic --accept proxy1 --accept proxy2",
        program="node",
        place="node",
        # The kernel keeps back who says nothing, for a second more.
        patience=2.5,
        source=STRANGER,
    ),
    Listener(
        name="sslmagic.servers.uvicorn",
        setting="--trust 127.0.0.9 --others direct",
        program="uvicorn",
        place="uvicorn",
    ),
    Listener(
        name="sslmagic.servers.uvicorn",
        setting="--trust 127.0.0.9 --others direct",
        program="uvicorn",
        place="uvicorn",
        source=STRANGER,
    ),
)
