"""A batch that a person labels: over plain HTTP, or in a real browser."""

import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from skgal.active import LabelStore
from skgal.annotation import HumanOracle

CLASSES = ("cat", "dog", "emu")

SECONDS = 30
"""How long to wait for what must happen; it takes a fraction of that."""


def wait_for(condition, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return result


class Client:
    """Talk to the server as the page does, or in ways that must be refused."""

    def __init__(self, url):
        self.url = url

    def request(self, path, body=None, headers=()):
        headers = dict(headers)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            headers = {"Content-Type": "application/json"} | headers
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                return response.status, response.read(), response.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers

    def call(self, path, body=None):
        status, content, _ = self.request(path, body)
        content = json.loads(content)
        assert status == 200, content
        return content

    def answer(self, ids, answers):
        number = self.call("api/progress")["number"]
        body = {"number": number, "ids": ids, "answers": answers, "seconds": 1.0}
        return self.call("api/answers", body)

    def finish(self):
        return self.call("api/finish", {"number": self.call("api/progress")["number"]})


class Asking(threading.Thread):
    """An oracle that waits for answers in a thread of its own."""

    def __init__(self, oracle, store, ids):
        super().__init__(daemon=True)
        self.oracle, self.store, self.ids = oracle, store, ids
        self.start()
        wait_for(lambda: oracle.url is not None or not self.is_alive())
        self.client = Client(oracle.url)

    def run(self):
        self.oracle.label_pending(self.store, self.ids)

    def labels(self):
        return [record.label for record in self.store.records(ids=self.ids, samples=False)]

    def returns(self):
        self.join(SECONDS)
        return not self.is_alive()


@pytest.fixture(name="wait_for")
def wait_for_fixture():
    return wait_for


@pytest.fixture
def client_at():
    return Client


@pytest.fixture
def ask():
    """Begin a session; at the end of the test, what is still waited for is withdrawn."""
    begun = []

    def begin(
        X, classes=CLASSES, *, store=None, ids=(), details=None, predictions=None, **parameters
    ):
        store = store or LabelStore()
        ids = [*ids, *store.add_query(X, details=details, predictions=predictions).tolist()]
        oracle = HumanOracle(classes, open_browser=False, **parameters)
        begun.append(Asking(oracle, store, ids))
        return begun[-1]

    yield begin
    for asking in begun:
        asking.store.withdraw(asking.ids)
        if asking.is_alive() and (progress := asking.client.call("api/progress"))["open"]:
            # 409 if the batch, with nothing left to answer, has closed itself in between.
            status, *_ = asking.client.request("api/finish", {"number": progress["number"]})
            assert status in {200, 409}
        assert asking.returns()
        asking.oracle.close()


@contextmanager
def open_chromium():
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="needs selenium, of the extra test"
    )
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    # No sandbox, or it would not start for root, as in most containers.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.add_argument("--window-size=1200,900")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield chromium
    finally:
        chromium.quit()


@pytest.fixture(scope="session")
def chromium():
    with open_chromium() as driver:
        yield driver
