"""The captures of real traffic: who sends, who connects, and what both ends know of it.

A client connects to a gateway, one of the peers, and that one to a node; both wires are
captured at once. What a reader must say is what the client's and the node's own sockets
said, and what the second reader, which shares no line with ours, reads in the octets
that the node received.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sslmagic.dissect import capturefile
from sslmagic.dissect.capturefile import Packet
from tests.captures.backend import Backend, Library, Met
from tests.captures.namespaces import FRONT, NODE, VLAN, Namespaces, Tap
from tests.interop import gateway as ours
from tests.interop.authority import NAME, Authority
from tests.interop.client import Client
from tests.interop.peers import Address, Port, program, version
from tests.interop.senders import CHECKS, SENDERS, Sender

__all__ = ["files"]

NUMBER = 8443
"""The node's port."""
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
REQUEST = f"GET / HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode()

Start = Callable[[Path, Authority, Address], contextlib.AbstractContextManager[Address]]
"""Runs a gateway in front of a node, and gives its address."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One run: a gateway, and what is known of it."""

    name: str
    about: str
    made_by: str
    format: str
    start: Start
    way: str = "ipv4"
    """ipv4 or ipv6."""
    vlan: int | None = None
    """The tag that the wire to the node has."""
    ends_tls: bool = False
    """Whether TLS with the client ends at the gateway."""
    follows: str = "tls"
    """What the gateway sends behind its preamble."""
    front: bool = False
    """Whether the front is kept as well."""
    knows: bool = True
    """Whether the node expects a preamble."""
    library: bool = False
    """Whether the node is a server on `sslmagic.sockets`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a client knows of its connection."""

    local: Address
    remote: Address
    tls: dict[str, Any]


def files() -> dict[str, bytes]:
    """Return what each file of a real capture holds."""
    from tests.captures.generate import written

    made: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as temporary, Namespaces() as spaces:
        directory = Path(temporary)
        # hitch reads its files as nobody.
        directory.chmod(0o755)
        authority = Authority.create(directory / "authority")
        for name, packets, said in _captures(spaces, directory, authority):
            stream = io.BytesIO()
            capturefile.write(stream, packets, link=1, comment=said["about"])
            made[f"{name}.pcapng"] = stream.getvalue()
            made[f"{name}.json"] = written(said)
    return made


Made = tuple[str, list[Packet], dict[str, Any]]


def _captures(
    spaces: Namespaces, directory: Path, authority: Authority
) -> Iterator[Made]:
    for scene in _scenes():
        yield from _played(scene, spaces, directory, authority)
    yield from _curl(spaces, authority)
    yield from _checks(spaces, directory, authority)
    yield from _nobody_between(spaces, directory, authority)


def _scenes() -> Iterator[Scene]:
    for enhance in ("magic", "proxy1", "proxy2"):
        scene = Scene(
            name=f"gateway-{enhance}",
            about=f"magic gateway --enhance {enhance}, TLS 1.2 and 1.3",
            made_by="magic gateway",
            format=enhance,
            start=_ours(enhance),
            front=True,
        )
        yield scene
        if enhance != "proxy1":
            yield from _varied(scene)
    for way in ("ipv4", "ipv6"):
        yield Scene(
            name="library" if way == "ipv4" else "library-ipv6",
            about="a server on sslmagic.sockets behind magic gateway, TLS 1.2 and 1.3",
            made_by="sslmagic.sockets",
            format="magic",
            start=_ours("magic"),
            way=way,
            library=True,
        )
    yield Scene(
        name="gateway-wrong-port",
        about="magic gateway in front of a TLS server that knows no preamble",
        made_by="magic gateway",
        format="magic",
        start=_ours("magic"),
        knows=False,
    )
    for sender in SENDERS:
        peer = sender.needs[0]
        scene = Scene(
            name=sender.name,
            about=f"{peer} {_WORDS[sender.name]}, TLS 1.2 and 1.3",
            made_by=f"{peer} {version(peer)}",
            format=sender.format,
            start=_theirs(sender),
            ends_tls=sender.own_tls,
            follows="tls" if sender.client_tls else "http",
            front=sender.name in ("haproxy-v2", "nginx-v1"),
        )
        yield scene
        if sender.name in ("haproxy-v2", "nginx-v1", "hitch-v2"):
            yield from _varied(scene)


def _varied(scene: Scene) -> Iterator[Scene]:
    six = f"{scene.about}, over IPv6"
    yield dataclasses.replace(
        scene, name=f"{scene.name}-ipv6", about=six, way="ipv6", front=False
    )
    tagged = f"{scene.about}, tagged for VLAN {VLAN}"
    yield dataclasses.replace(
        scene, name=f"{scene.name}-vlan", about=tagged, vlan=VLAN, front=False
    )


_WORDS = {
    "haproxy-v1": "send-proxy",
    "haproxy-v2": "send-proxy-v2",
    "haproxy-v2-crc": "send-proxy-v2 with crc32c and unique-id",
    "haproxy-v2-ssl": "send-proxy-v2 with crc32c, authority, unique-id, ssl, cert-cn,"
    " ssl-cipher, cert-sig and cert-key, TLS on both sides",
    "nginx-v1": "stream with proxy_protocol on",
    "stunnel-v1": "protocol = proxy, TLS taken off",
    "hitch-v1": "--write-proxy-v1, TLS taken off",
    "hitch-v2": "--write-proxy-v2, TLS taken off",
}


def _ours(enhance: str) -> Start:
    def start(
        directory: Path, authority: Authority, node: Address
    ) -> contextlib.AbstractContextManager[Address]:
        return ours.gateway(_front(node), node, enhance=enhance, directory=directory)

    return start


def _theirs(sender: Sender) -> Start:
    @contextlib.contextmanager
    def start(
        directory: Path, authority: Authority, node: Address
    ) -> Iterator[Address]:
        port = Port(_front(node))
        with sender.start(directory, authority, port, node):
            yield port.address

    return start


def _front(node: Address) -> str:
    return FRONT["ipv6" if ":" in node[0] else "ipv4"]


def _played(
    scene: Scene, spaces: Namespaces, directory: Path, authority: Authority
) -> Iterator[Made]:
    """Run a scene, and give its capture or captures."""
    context = None if scene.follows == "http" else authority.server()
    format = scene.format if scene.knows else None
    with spaces.inside("node"):
        address = NODE[scene.way], NUMBER
        backend: Backend | Library
        if scene.library:
            assert context is not None
            backend = Library(address, scene.format, context)
        else:
            backend = Backend(address, format, context)
    asked: list[Asked] = []
    with backend:
        with spaces.inside("gateway"):
            running = scene.start(directory, authority, backend.address)
            front_address = running.__enter__()
        try:
            front, back = (
                Tap(spaces, "gateway", "front0"),
                Tap(spaces, "node", "n0", vlan=scene.vlan),
            )
            for name, number in VERSIONS.items():
                with spaces.inside("client"):
                    client = Client(front_address, authority.client(version=number))
                with client:
                    asked.append(_ask(client, name, answered=scene.knows))
            met = backend.met(len(asked))
            packets = front.packets(), back.packets()
        finally:
            running.__exit__(None, None, None)
    back_name = f"{scene.name}-back" if scene.front else scene.name
    said: dict[str, Any] = {"about": scene.about, "kind": "real"}
    said["made_by"] = scene.made_by
    rows = list(zip(asked, met, strict=True))
    behind = [_behind(scene, one, two) for one, two in rows]
    if scene.front:
        pairs = [
            {"front": f"{scene.name}-front", "front_number": n, "number": n}
            for n in range(1, len(rows) + 1)
        ]
        yield (
            f"{scene.name}-front",
            packets[0],
            {
                **said,
                "about": f"{scene.about}: in front of it",
                "connections": _numbered([_before(one) for one in asked]),
            },
        )
        said |= {"about": f"{scene.about}: behind it", "pairs": pairs}
    yield back_name, packets[1], {**said, "connections": _numbered(behind)}


def _ask(client: Client, name: str, *, answered: bool) -> Asked:
    """Say something over TLS, and hear the answer if there will be one."""
    client.begin()
    if answered:
        client.shake()
        client.send(REQUEST)
        while b"\r\n\r\n" not in client.receive():
            pass
    else:
        with contextlib.suppress(Exception):
            client.shake()
    tls = {
        "server_name": NAME,
        "alpn": ["http/1.1"],
        "versions": [name],
        "early_data": False,
        "length": len(client.hello),
    }
    return Asked(local=client.local, remote=client.remote[:2], tls=tls)


def _before(asked: Asked) -> dict[str, Any]:
    return {
        "peer": _endpoint(asked.local),
        "listener": _endpoint(asked.remote),
        "vlans": [],
        "verdict": "missing",
        "client": None,
        "preamble": None,
        "follows": "tls",
        "tls": asked.tls,
        "answer": "tls",
    }


def _behind(scene: Scene, asked: Asked, met: Met) -> dict[str, Any]:
    preamble = met.preamble
    assert met.client in (None, asked.local), scene.name
    if preamble:
        # What was read in the octets is what the client's own socket says.
        assert preamble["source"] == _endpoint(asked.local), (scene.name, preamble)
        assert preamble["destination"] == _endpoint(asked.remote), scene.name
    said: dict[str, Any] = {
        "peer": _endpoint(met.peer),
        "listener": _endpoint((NODE[scene.way], NUMBER)),
        "vlans": [scene.vlan] if scene.vlan else [],
        "verdict": "ok",
        "format": scene.format,
        "client": _endpoint(asked.local),
    }
    if preamble:
        said["preamble"] = preamble
    said["follows"] = scene.follows
    if scene.follows == "http":
        said["tls"] = None
    elif scene.ends_tls:
        said["tls"] = {"server_name": NAME}
    else:
        said["tls"] = asked.tls
    answers = {"http": "http: 200", "tls": "tls"}
    said["answer"] = answers[scene.follows] if scene.knows else _WRONG
    return said


_WRONG = "alert: unexpected_message"


def _curl(spaces: Namespaces, authority: Authority) -> Iterator[Made]:
    """Curl says its own addresses: it is gateway and client in one."""
    with spaces.inside("node"):
        backend = Backend((NODE["ipv4"], NUMBER), "proxy1", authority.server())
    with backend:
        tap = Tap(spaces, "node", "n0")
        for number in ("1.2", "1.3"):
            with spaces.inside("gateway"):
                subprocess.run(
                    [
                        *(program("curl") or "", "--silent", "--haproxy-protocol"),
                        *("--cacert", authority.root, "--noproxy", "*", "--http1.1"),
                        *(f"--tlsv{number}", "--tls-max", number, "--output", "-"),
                        *("--resolve", f"{NAME}:{NUMBER}:{NODE['ipv4']}"),
                        f"https://{NAME}:{NUMBER}/",
                    ],
                    check=True,
                    timeout=20,
                    stdout=subprocess.DEVNULL,
                )
        met, packets = backend.met(2), tap.packets()
    connections: list[dict[str, Any]] = []
    for one, name in zip(met, VERSIONS, strict=True):
        assert one.preamble["source"] == _endpoint(one.peer)
        connections.append(
            {
                "peer": _endpoint(one.peer),
                "listener": _endpoint((NODE["ipv4"], NUMBER)),
                "verdict": "ok",
                "format": "proxy1",
                "client": _endpoint(one.peer),
                "preamble": one.preamble,
                "follows": "tls",
                "tls": {"server_name": NAME, "alpn": ["http/1.1"], "versions": [name]},
                "answer": "tls",
            }
        )
    said = {
        "about": "curl --haproxy-protocol, TLS 1.2 and 1.3",
        "kind": "real",
        "made_by": f"curl {version('curl')}",
        "connections": _numbered(connections),
    }
    yield "curl", packets, said


def _checks(
    spaces: Namespaces, directory: Path, authority: Authority
) -> Iterator[Made]:
    """HAProxy looks whether its node is well, and says that it is nobody's client."""
    for format, words in (("proxy1", "send-proxy"), ("proxy2", "send-proxy-v2")):
        with spaces.inside("node"):
            backend = Backend((NODE["ipv4"], NUMBER), format, None)
        tap = Tap(spaces, "node", "n0")
        with backend, spaces.inside("gateway"):
            port = Port(FRONT["ipv4"])
            with CHECKS[format](directory, authority, port, backend.address):
                (met,) = backend.met(1)
                packets = tap.packets()
        expected = {
            "peer": _endpoint(met.peer),
            "listener": _endpoint((NODE["ipv4"], NUMBER)),
            "verdict": "local" if met.preamble["source"] is None else "ok",
            "format": format,
            "client": met.preamble["source"],
            "preamble": met.preamble,
            "follows": "nothing",
            "tls": None,
        }
        said = {
            "about": f"HAProxy's check-send-proxy with {words}",
            "kind": "real",
            "made_by": f"haproxy {version('haproxy')}",
            "connections": _numbered([expected]),
        }
        yield f"haproxy-check-{format}", packets, said


def _nobody_between(
    spaces: Namespaces, directory: Path, authority: Authority
) -> Iterator[Made]:
    """Clients that send no preamble to our node, which refuses them."""
    with spaces.inside("node"):
        backend = Backend((NODE["ipv4"], NUMBER + 1), None, authority.server())
        running = ours.node(
            NODE["ipv4"],
            backend.address,
            *("--trust", "192.0.2.0/24", "--accept", "magic"),
            directory=directory,
        )
        address = running.__enter__()
    try:
        tap = Tap(spaces, "node", "n0")
        asked: list[Asked] = []
        for name, number in VERSIONS.items():
            with spaces.inside("gateway"):
                client = Client(address, authority.client(version=number))
            with client:
                asked.append(_ask(client, name, answered=False))
        packets = tap.packets()
    finally:
        running.__exit__(None, None, None)
        backend.close()
    connections = [_before(one) | {"answer": None} for one in asked]
    said = {
        "about": "magic node, and clients whose gateway sends no preamble",
        "kind": "real",
        "made_by": "magic node",
        "connections": _numbered(connections),
    }
    yield "node-missing", packets, said


def _numbered(connections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"number": n, **one} for n, one in enumerate(connections, 1)]


def _endpoint(address: Address) -> dict[str, Any]:
    return {"host": address[0], "port": address[1]}
