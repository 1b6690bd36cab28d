"""`magic gateway --protocol http` against everything that a client may do to it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.client import PATIENCE, Pieces, octets, together
from tests.interop.gateway import gateway
from tests.interop.peers import Address, Port, Process, needs, program
from tests.interop.recording import Recorder
from tests.interop.senders import said
from tests.interop.smuggling import CLAIMS, REFUSED, Attempt

HTTP = ("--protocol", "http")
SOURCE = "127.0.0.9"
OTHER = "127.0.0.10"
SIZE = 64 << 20


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(scope="module")
def recorded(
    recorder: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    """A gateway in front of the recorder."""
    with gateway(
        "127.0.0.1",
        recorder.address,
        enhance="none",
        directory=tmp_path_factory.mktemp("recorded"),
        options=HTTP,
    ) as place:
        yield place


def converse(address: Address, attempt: Attempt, pieces: Pieces) -> list[int]:
    """Sends it from `SOURCE` and returns the status of each answer."""
    with socket.create_connection(address, PATIENCE, (SOURCE, 0)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for piece in pieces(attempt.octets):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return [
        int(status)
        for status in re.findall(rb"^HTTP/1\.1 (\d+) ", answer, re.MULTILINE)
    ]


def test_there_are_enough_attempts() -> None:
    assert len(REFUSED) > 150
    assert len(CLAIMS) > 100


@pytest.mark.parametrize("attempt", REFUSED, ids=lambda attempt: attempt.name)
@pytest.mark.parametrize("pieces", [together, octets])
def test_what_is_doubtful_reaches_no_node(
    recorder: Recorder, recorded: Address, attempt: Attempt, pieces: Pieces
) -> None:
    recorder.forget()
    statuses = converse(recorded, attempt, pieces)
    assert len(statuses) == 1
    assert statuses[0] in attempt.statuses
    assert recorder.requests == []
    assert recorder.faults == []


@pytest.mark.parametrize("attempt", CLAIMS, ids=lambda attempt: attempt.name)
@pytest.mark.parametrize("pieces", [together, octets])
def test_what_arrives_names_its_client_once(
    recorder: Recorder, recorded: Address, attempt: Attempt, pieces: Pieces
) -> None:
    recorder.forget()
    assert converse(recorded, attempt, pieces) == [200]
    assert recorder.faults == []
    (request,) = recorder.requests
    assert request.values(b"x-cluster-client-ip") == [SOURCE.encode()]
    assert request.body in (b"", b"hello")


def test_requests_in_a_row_are_each_their_own(
    recorder: Recorder, recorded: Address
) -> None:
    recorder.forget()
    clear = [attempt for attempt in CLAIMS if b"close" not in attempt.octets]
    row = Attempt(
        name="row",
        octets=b"".join(attempt.octets for attempt in clear),
        statuses=frozenset(),
    )
    assert converse(recorded, row, together) == [200] * len(clear)
    named = [request.values(b"x-cluster-client-ip") for request in recorder.requests]
    assert named == [[SOURCE.encode()]] * len(clear)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A gateway in front of nginx, which takes and gives files."""
    needs("nginx", "curl")
    directory = tmp_path_factory.mktemp("nginx")
    (directory / "files").mkdir(mode=0o777)
    (directory / "files" / "page").write_text("a page\n")
    port = Port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"""
daemon off; master_process off; pid {directory}/pid; error_log stderr info;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}; proxy_temp_path {directory};
    fastcgi_temp_path {directory}; scgi_temp_path {directory};
    uwsgi_temp_path {directory};
    keepalive_requests 10000;
    default_type text/plain;
    server {{
        listen {port};
        client_max_body_size 0;
        location /said {{
            return 200 '{{"said":"$http_x_cluster_client_ip","via":"$remote_port"}}\\n';
        }}
        location /small {{
            client_max_body_size 1k;
            proxy_pass http://{port}/said;
        }}
        location / {{ root {directory}/files; dav_methods PUT; }}
    }}
}}
"""
    )
    with (
        Process(
            [
                *(program("nginx") or "", "-e", "stderr"),
                *("-p", directory, "-c", configuration),
            ],
            log=directory / "nginx.log",
            ports=[port],
        ),
        gateway(
            "127.0.0.1",
            port.address,
            enhance="none",
            directory=directory,
            options=HTTP,
        ) as place,
    ):
        yield place


def curl(*arguments: str | Path) -> str:
    return subprocess.run(
        [program("curl") or "", "--silent", "--show-error", *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        timeout=PATIENCE * 4,
        text=True,
    ).stdout


def test_a_hundred_requests_share_one_connection(nginx: Address) -> None:
    answers = curl(
        *("--interface", SOURCE, "--write-out", "%{num_connects}\n"),
        *(
            "-H",
            "X-Cluster-Client-Ip: 203.0.113.7",
            f"http://{said(nginx)}/said?[1-100]",
        ),
    ).splitlines()
    bodies = [json.loads(line) for line in answers[::2]]
    assert [body["said"] for body in bodies] == [SOURCE] * 100
    assert len({body["via"] for body in bodies}) == 1
    assert sum(map(int, answers[1::2])) == 1


def test_two_clients_at_once_are_never_mixed(nginx: Address) -> None:
    url = f"http://{said(nginx)}/said?[1-500]"
    with contextlib.ExitStack() as stack:
        running = {
            source: stack.enter_context(
                subprocess.Popen(
                    [program("curl") or "", "--silent", "--interface", source, url],
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for source in (SOURCE, OTHER)
        }
        ways = set()
        for source, process in running.items():
            answer, _ = process.communicate(timeout=PATIENCE * 4)
            bodies = [json.loads(line) for line in answer.splitlines()]
            assert [body["said"] for body in bodies] == [source] * 500
            ways |= {body["via"] for body in bodies}
        assert len(ways) == 2


@pytest.mark.parametrize(
    "how",
    [
        ["-H", "Expect:"],
        ["-H", "Expect: 100-continue"],
        ["-H", "Transfer-Encoding: chunked", "-H", "Expect:"],
        ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"],
    ],
    ids=["length", "length-continue", "chunked", "chunked-continue"],
)
def test_64_mib_arrive_up_and_down(
    nginx: Address, how: list[str], tmp_path: Path
) -> None:
    sent, received = tmp_path / "sent", tmp_path / "received"
    with sent.open("wb") as file:
        for number in range(SIZE >> 20):
            file.write(hashlib.shake_128(b"%d" % number).digest(1 << 20))
    url = f"http://{said(nginx)}/{'-'.join(how).replace(' ', '').replace(':', '')}"
    code = curl("--upload-file", sent, *how, "--write-out", "%{http_code}", url)
    assert code in ("201", "204")
    curl("--output", received, url)
    digests = []
    for path in (sent, received):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize("expect", ["", " 100-continue"])
def test_an_early_413_arrives(nginx: Address, expect: str, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(4 << 20))
    code = curl(
        *(
            "--data-binary",
            f"@{upload}",
            "-H",
            f"Expect:{expect}",
            "--output",
            "/dev/null",
        ),
        *("--write-out", "%{http_code}", f"http://{said(nginx)}/small"),
    )
    assert code == "413"


def test_answers_without_a_body_leave_the_connection_in_step(nginx: Address) -> None:
    url = f"http://{said(nginx)}/page"
    head = curl("--head", url, url)
    assert head.count("Content-Length: 7") == 2
    tag = re.search(r"ETag: (\S+)", head)
    assert tag is not None
    each = (
        "-H",
        f"If-None-Match: {tag[1]}",
        "--write-out",
        "%{http_code} %{num_connects}\n",
    )
    assert curl(*each, url, url) == "304 1\n304 0\n"


def test_http_1_0_is_answered_and_ended(nginx: Address) -> None:
    url = f"http://{said(nginx)}/page"
    assert curl("--http1.0", "--write-out", "%{num_connects}", url) == "a page\n1"
