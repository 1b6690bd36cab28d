"""The endpoint: twisted.web behind it, its description, and Twisted's commands."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, _parse
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Factory
from twisted.protocols.haproxy import proxyEndpoint
from twisted.web.http import HTTPFactory, proxiedLogFormatter

from sslmagic.errors import ConfigurationError
from sslmagic.servers.twisted.endpoint import DescriptionParser, PreambleEndpoint, run
from tests.interop.authority import NAME, Authority
from tests.interop.client import Plain
from tests.interop.peers import Port, Process, needs
from tests.interop.serving.place import Place
from tests.interop.serving.twisted import VARIANTS
from tests.interop.serving.variant import Variant, serving
from tests.sources import PROJECT
from tests.sslmagic.receiving import CLIENT, LOOPBACK, OCTETS, PATIENCE
from tests.sslmagic.servers.conduct import (
    FORGED,
    STRANGER,
    Rule,
    Running,
    asked,
    kept_by,
)


@pytest.fixture
def reactor() -> Iterator[Any]:
    reactor: Any = EPollReactor()
    yield reactor
    reactor.disconnectAll()
    for reader in list(reactor._internalReaders):
        reactor._internalReaders.discard(reader)
        reader.connectionLost(None)
    reactor._poller.close()


def failure(deferred: Any) -> BaseException:
    """Why it failed."""
    found: list[Any] = []
    deferred.addErrback(found.append)
    assert found, "it has not failed"
    error = found[0].value
    assert isinstance(error, BaseException)
    return error


def parsed(reactor: Any, description: str) -> Any:
    """What our part of a description's parsing makes of it, the prefix left out."""
    arguments, options = _parse(description)
    return DescriptionParser().parseStreamServer(reactor, *arguments, **options)


def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A WSGI application, and whom it sees."""
    client = [environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])]
    claims = [name for name in environ if STRANGER in str(environ[name])]
    body = json.dumps({"client": client, "claims": claims}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel puts into an installation's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run(
        [*build, str(folder)], cwd=PROJECT, check=True, capture_output=True, timeout=60
    )
    (wheel,) = folder.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "packages")
    return folder / "packages"


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_each_request_of_a_connection_is_the_clients(
    variant: Variant, tmp_path: Path
) -> None:
    forged = FORGED.replace(b"Connection: close", b"Connection: keep-alive")
    with serving(variant, Place(), directory=tmp_path) as server:
        assert isinstance(server.address, tuple)
        with Plain(server.address) as client:
            client.begin(before=OCTETS + forged + FORGED)
            stream = client._stream
            said = b"".join(iter(lambda: stream.recv(65536), b""))
    bodies = [json.loads(one) for one in re.findall(rb"^{.*}", said, re.MULTILINE)]
    assert [(body["client"], body["claims"]) for body in bodies] == [
        (list(CLIENT), [])
    ] * 2


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_http2_requests_are_the_clients(
    variant: Variant, tmp_path: Path, authority: Authority
) -> None:
    needs("curl")
    place = Place(formats=("proxy1",), peers=("127.0.0.0/8",))
    with serving(variant, place, directory=tmp_path, authority=authority) as server:
        assert isinstance(server.address, tuple)
        host, port = server.address
        ended = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--http2", "--haproxy-protocol"),
                *("--interface", "127.0.0.9", "--cacert", str(authority.root)),
                *("--resolve", f"{NAME}:{port}:{host}", "-w", "\n%{http_version}"),
                *("-H", f"X-Forwarded-For: {STRANGER}", "-d", "octets", "-X", "GET"),
                *("-H", f"Forwarded: for={STRANGER}", f"https://{NAME}:{port}/"),
            ],
            capture_output=True,
            check=True,
            text=True,
            timeout=PATIENCE,
        )
    body, version = ended.stdout.split("\n")
    said = json.loads(body)
    assert version == "2"
    assert said["client"][0] == "127.0.0.9"
    assert said["preamble"] is True
    assert said["claims"] == []


@pytest.mark.parametrize(
    "command", [["twist", "web"], ["twistd", "-n", "--pidfile=", "web"]]
)
def test_twisteds_commands_know_the_description(
    command: list[str], installed: Path, tmp_path: Path
) -> None:
    port, second = Port(), Port()
    program, *words = command
    listen = (
        f"sslmagic:tcp:{port.number}:interface=127.0.0.1:trust=127.0.0.0/8"
        f":directListen=127.0.0.1\\:{second.number}"
    )
    with Process(
        [
            Path(sys.executable).with_name(program),
            *words,
            f"--listen={listen}",
            f"--wsgi={__name__}.plain",
        ],
        log=tmp_path / "log",
        ports=[port, second],
        environment={"PYTHONPATH": f"{installed}:{PROJECT}"},
    ) as process:
        said = asked(port.address, request=FORGED)
        direct = asked(second.address, b"", request=b"GET / HTTP/1.0\r\n\r\n")
        process.until_said(r"203\.0\.113\.9")
        # Twisted ends in order, and then as if the signal had done it.
        assert process.end() in (0, -signal.SIGTERM)
        process.until_said("Main loop terminated")
    assert said == {"client": list(CLIENT), "claims": []}
    assert direct["client"][0] == "127.0.0.1"


def test_twist_says_what_is_wrong_with_a_description(
    installed: Path, tmp_path: Path
) -> None:
    with Process(
        [Path(sys.executable).with_name("twist"), "web", "--listen=sslmagic:tcp:0"],
        log=tmp_path / "log",
        environment={"PYTHONPATH": str(installed)},
    ) as process:
        process.until_said("this trust would refuse everybody: name peers")


def test_haproxys_own_endpoint_is_refused_inside(reactor: Any) -> None:
    outer = parsed(reactor, "haproxy:tcp:0:interface=127.0.0.1:trust=127.0.0.0/8")
    error = failure(outer.listen(Factory()))
    assert isinstance(error, ConfigurationError)
    assert "haproxy:" in str(error)


def test_haproxys_own_endpoint_is_refused_outside(reactor: Any) -> None:
    inner = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    ours: Any = PreambleEndpoint(inner, trust=LOOPBACK)
    outer = proxyEndpoint(ours)
    assert isinstance(failure(outer.listen(Factory())), ConfigurationError)


def test_an_access_log_that_believes_headers_is_refused(reactor: Any) -> None:
    formatter: Any = proxiedLogFormatter
    site = HTTPFactory(logFormatter=formatter)
    inner = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    error = failure(PreambleEndpoint(inner, trust=LOOPBACK).listen(site))
    assert isinstance(error, ConfigurationError)
    assert "proxiedLogFormatter" in str(error)


@pytest.mark.parametrize("seam", ["HTTPChannel.requestFactory", "Request.gotLength"])
def test_a_twisted_that_has_changed_is_refused(
    reactor: Any, seam: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(f"twisted.web.http.{seam}")
    inner = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    outer = PreambleEndpoint(inner, trust=LOOPBACK)
    error = failure(outer.listen(HTTPFactory()))
    assert isinstance(error, ConfigurationError)
    assert seam in str(error)


def test_a_site_that_hides_its_access_log_is_refused(reactor: Any) -> None:
    site = HTTPFactory()
    vars(site)["_formatter"] = vars(site).pop("_logFormatter")
    inner = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    error = failure(PreambleEndpoint(inner, trust=LOOPBACK).listen(site))
    assert isinstance(error, ConfigurationError)
    assert "does not say" in str(error)


def test_an_endpoint_that_listens_later_is_refused_and_closed() -> None:
    """Whoever connected until then would be served as if nobody were trusted."""
    later: Deferred[Any] = Deferred()
    closed: list[bool] = []

    class Late:
        def listen(self, factory: Any) -> Any:
            return later

    class Listening:
        def stopListening(self) -> None:  # noqa: N802  # Twisted's name
            closed.append(True)

    deferred = PreambleEndpoint(Late(), trust=LOOPBACK).listen(Factory())
    error = failure(deferred)
    assert isinstance(error, ConfigurationError)
    assert "does not listen at once" in str(error)
    later.callback(Listening())
    assert closed == [True]


def test_an_address_in_use_is_said() -> None:
    port = Port()
    with port._held as held:
        held.listen()
        with pytest.raises(OSError, match="in use"):
            run(Factory(), f"tcp:{port.number}:interface=127.0.0.1", trust=LOOPBACK)


def test_a_second_address_in_use_is_said() -> None:
    port = Port()
    with port._held as held:
        held.listen()
        with pytest.raises(OSError, match="in use"):
            run(
                Factory(),
                "tcp:0:interface=127.0.0.1",
                trust=LOOPBACK,
                direct_listen=str(port),
            )


@pytest.mark.parametrize(
    "description",
    [
        "tcp:8443:trust=10.0.0.0/8",
        r"tcp\:8443:trust=10.0.0.0/8",
        r"ssl:8443:certKey=/a\:b:privateKey=/c:trust=10.0.0.0/8",
        r"tcp6:8443:trust=10.0.0.0/8,2001\:db8\:\:/32:preamble=proxy2,magic",
    ],
)
def test_a_description_wraps_any_other(
    reactor: Any, description: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def noting(reactor: Any, description: str) -> Any:
        seen.append(description)
        return TCP4ServerEndpoint(reactor, 0)

    monkeypatch.setattr("sslmagic.servers.twisted.endpoint.serverFromString", noting)
    endpoint = parsed(reactor, description)
    (inner,) = seen
    assert inner == re.sub(r":(trust|preamble)=(\\.|[^:\\])*", "", description).replace(
        r"tcp\:", "tcp:"
    )
    assert "10.0.0.0/8" in endpoint._entrance.trust.peers


def test_a_description_says_all_that_a_trust_has(reactor: Any) -> None:
    entrance = parsed(
        reactor,
        r"tcp:0:trust=10.0.0.0/8:preamble=proxy1,proxy2:direct=192.0.2.0/24,unix"
        r":others=direct:local=refuse:directListen=127.0.0.1\:0,unix\:/a:anyone=yes"
        r":allowLoopbackSource=yes:deadline=2.5:waiting=7",
    )._entrance
    trust = entrance.trust
    assert trust.peers == ("10.0.0.0/8",)
    assert trust.formats == ("proxy1", "proxy2")
    assert trust.direct == ("192.0.2.0/24", "unix")
    assert (trust.others, trust.local) == ("direct", "refuse")
    assert (trust.anyone, trust.loopback_sources) == (True, True)
    assert entrance.direct_listen == ("127.0.0.1:0", "unix:/a")
    assert (entrance.deadline, entrance.waiting) == (2.5, 7)


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("tcp:0", "name peers"),
        ("tcp:0:trust=10.0.0.0/8:deadline=soon", "deadline=soon"),
        ("tcp:0:trust=10.0.0.0/8:anyone=no", "anyone=no"),
        ("tcp:0:trust=10.0.0.0/8:others=some", "others"),
        ("tcp:0:trust=10.0.0.0/8:directListen=nowhere", "direct_listen"),
        ("tcp:0:trust=0.0.0.0/0", "anybody"),
    ],
)
def test_a_description_that_cannot_be_is_refused(
    reactor: Any, description: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parsed(reactor, description)


def test_a_description_of_nothing_is_refused(reactor: Any) -> None:
    with pytest.raises(ConfigurationError, match="what is to listen"):
        DescriptionParser().parseStreamServer(reactor, trust="10.0.0.0/8")
