"""What a client is told when its request is not passed on, or brought no answer."""

from __future__ import annotations

from http import HTTPStatus

from sslmagic.errors import SslMagicError

__all__ = ["NodeError", "RequestError", "answer"]


class RequestError(SslMagicError):
    """A request that no node gets to see.

    Args:
        status: what the client is answered with.
        words: why, in words of ours alone: they are sent to the client.
        detail: for the log, where a client's own octets are escaped.
    """

    def __init__(self, status: HTTPStatus, words: str, detail: str = "") -> None:
        super().__init__(detail or words)
        self.status = status
        self.words = words


class NodeError(SslMagicError):
    """A node's answer is no HTTP, or ended too early."""


def answer(status: HTTPStatus, words: str, *, body: bool = True) -> bytes:
    """Return the response, after which the connection ends.

    Args:
        body: whether the words are sent; they are not in answer to HEAD.
    """
    text = f"{words}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(text)}\r\n"
        "Connection: close\r\n"
        "\r\n"
    )
    return head.encode("ascii") + (text if body else b"")
