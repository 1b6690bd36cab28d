"""Answers of the gateway's own: whole, final, and without a client's octets."""

from __future__ import annotations

from http import HTTPStatus

import h11
import pytest

from sslmagic.relay.counters import ANSWERED
from sslmagic.relay.http.refusal import RequestError, answer


@pytest.mark.parametrize("status", ANSWERED)
@pytest.mark.parametrize("body", [True, False])
def test_an_answer_is_a_response_that_ends_the_connection(
    status: HTTPStatus, body: bool
) -> None:
    client = h11.Connection(h11.CLIENT)
    method = "GET" if body else "HEAD"
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(answer(status, "why", body=body))
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert response.status_code == status
    events = []
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        events.append(event)
    assert [event.data for event in events if isinstance(event, h11.Data)] == (
        [b"why\n"] if body else []
    )
    assert client.their_state is h11.MUST_CLOSE


def test_an_error_keeps_what_a_client_said_from_what_it_is_told() -> None:
    error = RequestError(HTTPStatus.BAD_REQUEST, "words", "detail")
    assert (error.words, str(error)) == ("words", "detail")
    assert str(RequestError(HTTPStatus.BAD_REQUEST, "words")) == "words"
