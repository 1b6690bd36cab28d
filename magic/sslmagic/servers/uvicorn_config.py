"""What uvicorn's configuration does for preambles, whoever made it.

    Config.get_loop_factory ──▶ a loop that is taught to accept through listeners
    Config.loaded_app       ──▶ the application, bound to one connection's client

uvicorn makes a protocol for each connection in that connection's own context, and the
protocol takes from here what it needs, once: the application, and what makes a protocol
of WebSocket should the client ask for one. Later its context may be another's: asyncio
reads on in the context of whoever resumed reading.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any

import uvicorn

from sslmagic.asgi import ClientScope
from sslmagic.listener import Listener
from sslmagic.loopserver import CLIENT, teach
from sslmagic.servers.uvicorn_protocols import without_trailers

__all__ = ["ClientConfig"]

_APP, _HTTP, _WEBSOCKET = "loaded_app", "http_protocol_class", "ws_protocol_class"


class ClientConfig(uvicorn.Config):
    """A configuration whose application has its client in each scope."""

    @property
    def loaded_app(self) -> Any:
        """The application; once loaded, for the connection in whose context it is."""
        app = self._own(_APP)
        return ClientScope(app, CLIENT.get(None)) if self.loaded else app

    @loaded_app.setter
    def loaded_app(self, app: Any) -> None:
        vars(self)[_APP] = app

    @property
    def http_protocol_class(self) -> Any:
        """The protocol of HTTP, for which trailers are no headers; once loaded."""
        return without_trailers(self._own(_HTTP))

    @http_protocol_class.setter
    def http_protocol_class(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, protocol: Any
    ) -> None:
        vars(self)[_HTTP] = protocol

    @property
    def ws_protocol_class(self) -> Any:
        """What makes a protocol of WebSocket in the context that this is read in."""
        protocol = self._own(_WEBSOCKET)
        return protocol and partial(_made_in, copy_context(), protocol)

    @ws_protocol_class.setter
    def ws_protocol_class(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, protocol: Any
    ) -> None:
        vars(self)[_WEBSOCKET] = protocol

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Return what makes the loop, which serves sockets through listeners."""
        return partial(self._loop, super().get_loop_factory())

    def listener(self, sock: socket.socket) -> Listener | None:  # noqa: ARG002
        """Return what takes over a socket of the server's; None for one that is not."""
        return None

    def _own(self, name: str) -> Any:
        try:
            return vars(self)[name]
        except KeyError:
            raise AttributeError(f"{name} is not known before load()") from None

    def _loop(
        self, factory: Callable[[], asyncio.AbstractEventLoop] | None
    ) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop() if factory is None else factory()
        teach(loop, self.listener)
        return loop


def _made_in(
    context: Context, protocol: type[asyncio.Protocol], **arguments: Any
) -> asyncio.Protocol:
    # A copy, since the context itself may be the one that runs this.
    return context.copy().run(protocol, **arguments)
