"""The response that a client gets, made from the one that a node sent.

Framing is the hop's own: h11 frames the body for the client again, in chunks where its
length is not known, up to the end of the connection for HTTP/1.0.
"""

from __future__ import annotations

from http import HTTPStatus

import h11

from sslmagic.headers import Header
from sslmagic.relay.http.hops import HOP_BY_HOP, options

__all__ = ["back", "interim"]


def back(response: h11.Response, *, last: bool) -> h11.Response:
    """Return the final response for the client.

    Args:
        response: as h11 read it.
        last: whether the connection to the client ends after it.
    """
    headers = _end_to_end(response.headers.raw_items())
    coded = any(name == b"transfer-encoding" for name, _ in response.headers)
    if coded or response.status_code == HTTPStatus.NO_CONTENT:
        # The chunks overrule a length beside them (RFC 9112 section 6.3), and what has
        # no body has no length (RFC 9110 section 8.6).
        headers = [line for line in headers if line[0].lower() != b"content-length"]
    if last:
        headers.append((b"Connection", b"close"))
    return h11.Response(
        status_code=response.status_code, reason=response.reason, headers=headers
    )


def interim(response: h11.InformationalResponse) -> h11.InformationalResponse:
    """Return an interim response, such as 100 or 103, for the client."""
    return h11.InformationalResponse(
        status_code=response.status_code,
        reason=response.reason,
        headers=_end_to_end(response.headers.raw_items()),
    )


def _end_to_end(headers: list[Header]) -> list[Header]:
    # The length is never a hop's own, whatever Connection says.
    named = (options(headers) | HOP_BY_HOP) - {b"content-length"}
    return [line for line in headers if line[0].lower() not in named]
