"""The web server of one session: a thread of this process, reachable from this machine only."""

import secrets
import socket
import threading
import weakref

from skgal.annotation._app import build_app

ADDRESS = "127.0.0.1"
"""Never a public interface: samples may not leave the machine."""

STOP_SECONDS = 5

HEADER_SECONDS = 10
"""How long a connection may be open without a request on it."""

MOST_CONNECTIONS = 64
"""So many at once, of pages and of other programs; each takes a file descriptor."""


class PageServer:
    """Serve the page of a session from a thread; ``port`` 0 takes a free one, and keeps it."""

    def __init__(self, session, port):
        self.token = secrets.token_urlsafe(32)
        self._app = build_app(session, self.token)
        self._port = port
        self._thread = None
        self._finalizer = None

    @property
    def url(self):
        """Address of the page, token included."""
        return f"http://{ADDRESS}:{self._port}/{self.token}/"

    @property
    def is_running(self):
        """Whether somebody listens."""
        return self._thread is not None and self._thread.is_alive()

    def start(self):
        """Start to listen; OSError if the port is taken."""
        import uvicorn

        # No access log: it would repeat the token at every request.
        config = uvicorn.Config(
            self._app,
            access_log=False,
            log_config=None,
            lifespan="off",
            ws="none",
            http=_make_protocol(),
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        listener = self._listen()
        server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=server.run, args=([listener],), name="skgal-annotation", daemon=True
        )
        self._thread.start()
        # Also when the process ends, so that the page gets the answer to its last request.
        self._finalizer = weakref.finalize(self, _stop, server, self._thread)

    def stop(self):
        """Stop listening; what was answered is in the store already."""
        if self._finalizer is not None:
            self._finalizer()

    def _listen(self):
        try:
            listener = socket.create_server((ADDRESS, self._port))
        except OSError as error:
            error.add_note(
                f"The page could not be served at port {self._port} of {ADDRESS}; port=0 takes "
                "one that is free."
            )
            raise
        self._port = listener.getsockname()[1]
        return listener


def _make_protocol():
    """Make uvicorn's protocol refuse too many connections, and close those that stay silent."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class LimitedProtocol(H11Protocol):
        _silence = None

        def connection_made(self, transport):
            super().connection_made(transport)
            if len(self.connections) > MOST_CONNECTIONS:
                transport.abort()
            self._wait_for_request()

        def data_received(self, data):
            super().data_received(data)
            self._wait_for_request()

        def connection_lost(self, exc):
            self._silence.cancel()
            super().connection_lost(exc)

        def _wait_for_request(self):
            if self._silence is not None:
                self._silence.cancel()
            self._silence = self.loop.call_later(HEADER_SECONDS, self._close_if_silent)

        def _close_if_silent(self):
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    return LimitedProtocol


def _stop(server, thread):
    server.should_exit = True
    thread.join(STOP_SECONDS)
