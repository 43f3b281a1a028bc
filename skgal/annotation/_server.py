"""The web server of the labelling page: a thread of this process, reachable from this machine only.

It serves the page, its images, and the few calls that the page makes.
"""

import json
import mimetypes
import secrets
import socket
import threading
import weakref
from asyncio import wait_for
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from skgal.annotation._batch import StaleBatchError, are_valid

BODY_BYTES = 2**20
"""Longest body of a request: a few thousand answers."""

BODY_SECONDS = 10
"""How long it may take to come."""

PAGE = Path(__file__).parent / "page"

# The token is all that keeps other programs and web sites of this machine out; the names keep
# out those that point a domain of their own to 127.0.0.1 (DNS rebinding).
HOSTS = ["127.0.0.1", "localhost"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Images may be of patients: no copy in the browser's cache on disk.
    "Cache-Control": "no-store",
}

ADDRESS = "127.0.0.1"
"""Never a public interface: samples may not leave the machine."""

STOP_SECONDS = 5

HEADER_SECONDS = 10
"""How long a connection may be open until the next request on it has come."""

MOST_CONNECTIONS = 64
"""So many at once, of pages and of other programs; each takes a file descriptor."""


class PageServer:
    """Serve the labelling page from a thread; ``port`` 0 takes a free one, and keeps it."""

    def __init__(self, page, port):
        self.token = secrets.token_urlsafe(32)
        self._app = build_app(page, self.token)
        self._port = port
        self._thread = None
        self._finalizer = None

    @property
    def url(self):
        """Address of the page, token included."""
        return f"http://{ADDRESS}:{self._port}/{self.token}/"

    @property
    def is_running(self):
        """Whether the server listens."""
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

        def on_response_complete(self):
            super().on_response_complete()
            # Only here: a request that comes byte by byte gets no more time by each of them.
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


def build_app(page, token):
    """Build the web application that shows a page's state and takes its answers."""
    # Some Windows registries call scripts plain text, which browsers then refuse to run.
    mimetypes.add_type("text/javascript", ".js")
    calls = _Calls(page)
    api = [
        Route("/batch", calls.batch),
        Route("/progress", calls.progress),
        Route("/images/{number:int}/{bundle:int}", calls.images),
        Route("/answers", calls.answer, methods=["POST"]),
        Route("/undo", calls.undo, methods=["POST"]),
        Route("/finish", calls.finish, methods=["POST"]),
    ]
    files = StaticFiles(directory=PAGE, html=True)
    return Starlette(
        routes=[Mount(f"/{token}", routes=[Mount("/api", routes=api), Mount("/", files)])],
        middleware=[
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
            Middleware(_TokenGate, token=token),
        ],
        exception_handlers={
            HTTPException: _explain_http,
            StaleBatchError: _explain(409),
            ValueError: _explain(422),
            Exception: _explain(500),
        },
    )


class _TokenGate:
    """Let through only requests whose path begins with the token."""

    def __init__(self, app, token):
        self.app = app
        self.token = token.encode()

    async def __call__(self, scope, receive, send):
        given = scope["path"].split("/")[1] if scope["type"] == "http" else ""
        app = self.app
        if not secrets.compare_digest(given.encode(), self.token):
            app = PlainTextResponse("The address lacks the page's token.", status_code=403)
        await app(scope, receive, send)


class _Headers:
    """Add to every response, refusals included, what a browser must be told."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def send_with_headers(message):
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class _Calls:
    """The calls of the page; those that touch the store run in starlette's worker threads."""

    def __init__(self, page):
        self.page = page

    def batch(self, request):
        return JSONResponse(self.page.describe())

    def progress(self, request):
        return JSONResponse(self.page.progress())

    def images(self, request):
        number, bundle = request.path_params["number"], request.path_params["bundle"]
        return JSONResponse(self.page.images(number, bundle))

    async def answer(self, request):
        return await _change(request, self.page.answer, ["number", "ids", "answers", "seconds"])

    async def undo(self, request):
        return await _change(request, self.page.undo, ["number"])

    async def finish(self, request):
        return await _change(request, self.page.finish, ["number"])


async def _change(request, change, names):
    """Call with the fields of a JSON body; forms of other web sites cannot send that type."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "POST application/json.")
    try:
        body = json.loads(await wait_for(_read_body(request), BODY_SECONDS))
        values = [body[name] for name in names]
        is_valid = are_valid(names, values)
    except TimeoutError as error:
        raise HTTPException(408, "The body of the request did not come.") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise HTTPException(400, f"Expected a JSON object of {', '.join(names)}.") from error
    if not is_valid:
        raise HTTPException(422, f"Unexpected types of values for {', '.join(names)}.")
    return JSONResponse(await run_in_threadpool(change, *values))


async def _read_body(request):
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            raise HTTPException(413, f"A request has {BODY_BYTES} bytes at most.")
    return body


def _explain(status_code):
    def explain(request, error):
        return JSONResponse({"error": str(error)}, status_code=status_code)

    return explain


def _explain_http(request, error):
    return JSONResponse({"error": error.detail}, status_code=error.status_code)
