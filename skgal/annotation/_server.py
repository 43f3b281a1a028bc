"""The web server of one session: a thread of this process, reachable from this machine only."""

import secrets
import socket
import threading
import weakref

from skgal.annotation._app import build_app

ADDRESS = "127.0.0.1"
"""Never a public interface: samples may not leave the machine."""

STOP_SECONDS = 5


class PageServer:
    """Serve the page of a session from a thread.

    Parameters
    ----------
    session : Session
        What the page shows.
    port : int
        0 takes a free one, and keeps it when the server has to be started again.

    Attributes
    ----------
    token : str
        What an address must begin with; drawn once, so that an open page stays valid.
    """

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
        """Listen, from the time this returns.

        Raises
        ------
        OSError
            If the port is taken.
        """
        import uvicorn

        # No access log: it would repeat the token at every request.
        config = uvicorn.Config(
            self._app,
            access_log=False,
            log_config=None,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        listener = self._listen()
        server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=server.run, args=([listener],), name="skgal-annotation", daemon=True
        )
        self._thread.start()
        # Also when the process ends, so that the page hears that the last batch was taken.
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


def _stop(server, thread):
    server.should_exit = True
    thread.join(STOP_SECONDS)
