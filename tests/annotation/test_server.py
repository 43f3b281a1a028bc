"""Who may talk to the server, and what it takes for an answer."""

import contextlib
import http.client
import json
import logging
import socket
import time
from urllib.parse import urlsplit

import numpy as np
import pytest

from skgal.active import LabelStore
from skgal.exceptions import StoreFullError

IMAGES = np.linspace(0, 1, 4 * 64).reshape(4, 1, 8, 8)
PATHS = ["", "page.css", "main.js", "api/batch", "api/progress", "api/images/1/0"]


@pytest.fixture
def session(ask):
    return ask(IMAGES)


@pytest.mark.parametrize("path", PATHS)
def test_every_request_without_the_token_is_refused(session, client_at, path):
    assert session.client.request(path)[0] == 200
    origin, token, _ = session.oracle.url.rsplit("/", 2)
    for prefix in ["", "x/", f"{token[:-1]}/", f"x/{token}/", "%00/", "%C3%A9/"]:
        assert client_at(f"{origin}/{prefix}").request(path)[0] == 403


def test_posting_without_the_token_changes_nothing(session, client_at):
    origin = session.oracle.url.rsplit("/", 2)[0] + "/"
    body = {"number": 1, "ids": session.ids[:1], "answers": [0], "seconds": 1}
    assert client_at(origin).request("api/answers", body)[0] == 403
    assert session.labels() == [None] * 4


def test_other_host_names_are_refused(session):
    # What a page of evil.example sends once its domain points to 127.0.0.1.
    for host, expected in [
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost", 200),
    ]:
        assert session.client.request("api/batch", headers={"Host": host})[0] == expected


def test_only_this_machine_is_listened_to(session):
    port = urlsplit(session.oracle.url).port
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(OSError):  # noqa: PT011 - systems differ in how they say no
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_browsers_are_told_to_load_nothing_from_elsewhere_and_keep_nothing(session):
    for path in ["", "main.js", "api/images/1/0", "no/such/page"]:
        headers = session.client.request(path)[2]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_only_json_is_taken(session):
    path = "api/answers"
    body = {"number": 1, "ids": session.ids[:1], "answers": [0], "seconds": 1}
    form = {"Content-Type": "text/plain"}
    assert session.client.request(path, body, form)[0] == 415
    deep, latin = b"[" * 100_000, b'{"number": "\xe9"}'
    for wrong in [b"no json", b"[1, 2]", b'{"number": 1}', b"", b"null", b"3", deep, latin]:
        assert session.client.request(path, wrong)[0] == 400
    assert session.client.request(path)[0] == 405
    assert session.labels() == [None] * 4


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"number": 0}, 409),
        ({"answers": [3]}, 422),
        ({"answers": [-1]}, 422),
        ({"answers": [True]}, 422),
        ({"answers": ["cat"]}, 422),
        ({"answers": [0, 1]}, 422),
        ({"ids": [99]}, 422),
        ({"ids": 1}, 422),
        ({"ids": [[1]]}, 422),
        ({"ids": ["1"]}, 422),
        ({"ids": [2**70]}, 422),
        ({"answers": None}, 422),
        ({"seconds": "1"}, 422),
        ({"seconds": None}, 422),
        ({"seconds": -1}, 422),
        ({"number": "1"}, 422),
        ({"ids": [], "answers": []}, 422),
    ],
)
def test_unusable_answers_are_refused_and_not_recorded(session, change, status):
    body = {"number": 1, "ids": session.ids[:1], "answers": [0], "seconds": 1} | change
    refused, content, _ = session.client.request("api/answers", body)
    assert refused == status
    assert json.loads(content)["error"]
    assert session.store.counts()["pending"] == 4


def test_an_answer_is_on_disk_when_the_server_says_so(ask, tmp_path):
    path = tmp_path / "labels.db"
    session = ask(IMAGES, store=LabelStore(path), annotator="Ada")
    for id_, answer in zip(session.ids[:2], [1, None], strict=True):
        session.client.answer([id_], [answer])
        with LabelStore(path) as other:
            record = other.records(ids=id_, samples=False)[0]
            assert record.label == (None if answer is None else "dog")
            assert record.status == ("declined" if answer is None else "answered")
            assert (record.annotator, record.seconds) == ("Ada", 1.0)


def test_a_store_that_cannot_be_written_is_told_to_the_page(session, monkeypatch):
    def full(*args, **kwargs):
        raise StoreFullError(28, "The disk is full")

    body = {"number": 1, "ids": session.ids[:1], "answers": [0], "seconds": 1}
    with monkeypatch.context() as patch:
        patch.setattr(session.store, "tell", full)
        status, content, _ = session.client.request("api/answers", body)
    assert status == 500
    assert "disk is full" in json.loads(content)["error"]
    assert session.client.call("api/progress")["answers"] == {}
    assert session.client.request("api/answers", body)[0] == 200


def test_undo_goes_back_step_by_step_and_only_in_this_batch(ask):
    store = LabelStore()
    before = store.add_query(IMAGES[:1])
    store.tell(before, ["cat"])
    session = ask(IMAGES, store=store)
    first, second, third, _ = session.ids
    session.client.answer([first], [0])
    session.client.answer([second, third], [1, None])
    body = {"number": 1}
    assert session.client.call("api/undo", body)["undone"] == [second, third]
    assert session.labels() == ["cat", None, None, None]
    assert session.client.call("api/undo", body)["undone"] == [first]
    assert session.client.call("api/undo", body)["undone"] == []
    assert store.records(ids=before)[0].label == "cat"


def test_the_token_is_in_no_request_log(ask, caplog):
    caplog.set_level(logging.DEBUG)
    session = ask(IMAGES)
    session.client.answer(session.ids[:1], [0])
    session.client.request("no/such/page")
    token = session.oracle.url.rsplit("/", 2)[1]
    # The invitation, by skgal's own logger, has the address.
    others = [r.getMessage() for r in caplog.records if r.name != "skgal.annotation"]
    assert others
    assert not any(token in message for message in others)


def test_a_request_that_is_no_http_is_refused(session):
    parts = urlsplit(session.oracle.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    connection.request("GET", "/" + "x" * 100_000)
    assert connection.getresponse().status in (400, 403)
    connection.close()


def test_large_and_missing_bodies_are_refused(session, monkeypatch):
    assert session.client.request("api/answers", b"[" + b" " * 2**21)[0] == 413
    monkeypatch.setattr("skgal.annotation._server.BODY_SECONDS", 0.2)
    parts = urlsplit(session.oracle.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    headers = {"Content-Type": "application/json", "Content-Length": "1000"}
    connection.request("POST", f"{parts.path}api/answers", headers=headers)
    assert connection.getresponse().status == 408
    connection.close()


def test_silent_connections_are_closed_and_never_too_many(ask, monkeypatch):
    monkeypatch.setattr("skgal.annotation._server.HEADER_SECONDS", 1)
    monkeypatch.setattr("skgal.annotation._server.MOST_CONNECTIONS", 8)
    session = ask(IMAGES)
    address = ("127.0.0.1", urlsplit(session.oracle.url).port)
    silent = [socket.create_connection(address, timeout=30) for _ in range(40)]
    for number, connection in enumerate(silent):
        with contextlib.suppress(OSError):  # closed by the other side already
            connection.sendall(b"GET / HTTP/1.1\r\nHost: local" if number % 2 else b"")
    for connection in silent:
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b"", "closed by the server"
        connection.close()
    assert session.client.request("api/progress")[0] == 200


@pytest.mark.parametrize("request_before", [False, True])
def test_requests_that_come_byte_by_byte_are_cut_off(ask, monkeypatch, request_before):
    monkeypatch.setattr("skgal.annotation._server.HEADER_SECONDS", 1)
    session = ask(IMAGES)
    parts = urlsplit(session.oracle.url)
    with socket.create_connection(("127.0.0.1", parts.port), timeout=30) as connection:
        if request_before:  # with the token, and kept alive
            connection.sendall(
                f"GET {parts.path}api/progress HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            )
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        for _ in range(200):
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the connection is still open")
    assert session.client.request("api/progress")[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"answers": [float("nan")]},
        {"answers": [{}]},
        {"number": float("inf")},
        {"number": True},
    ],
    ids=str,
)
def test_what_json_does_not_know_is_refused(session, change):
    body = {"number": 1, "ids": session.ids[:1], "answers": [0], "seconds": 1} | change
    assert session.client.request("api/answers", body)[0] == 422
    twice = {"number": 1, "ids": session.ids[:1] * 2, "answers": [0, 1], "seconds": 1}
    assert session.client.request("api/answers", twice)[0] == 422
    assert session.labels() == [None] * 4


@pytest.mark.parametrize(
    "path",
    ["../_server.py", "%2e%2e/_server.py", "..%2f_server.py", "%5c..%5c_server.py", "//etc/passwd"],
)
def test_only_files_of_the_page_are_served(session, path):
    status, content, _ = session.client.request(path)
    assert status in (403, 404)
    assert b"import" not in content
    assert b"root" not in content
