"""The page in a real browser, driven as a person does."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from skgal.exceptions import StoreFullError

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium, of the extra test")

from selenium.webdriver.common.by import By  # noqa: E402 - after the importorskip
from selenium.webdriver.common.keys import Keys  # noqa: E402 - after the importorskip

DIGITS = load_digits().images[:12, np.newaxis]


class Page:
    """What a person sees and does."""

    def __init__(self, driver, url, wait_for):
        self.driver, self.wait_for = driver, wait_for
        self.open(url)

    def open(self, url):
        self.driver.get(url)
        self.wait_until_shown()

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def wait_until_shown(self):
        shown = (
            "const all = [...document.querySelectorAll('#stage img')];"
            "return document.querySelector('#stage > *') !== null"
            " && all.every((image) => image.complete && image.naturalWidth)"
        )
        self.wait_for(lambda: self.driver.execute_script(shown))

    def wait_for_progress(self, text):
        self.wait_for(lambda: self.text("#progress-text").startswith(text))
        self.wait_until_shown()

    def press(self, key, progress=None):
        self.driver.switch_to.active_element.send_keys(key)
        if progress is not None:
            self.wait_for_progress(progress)

    def complaints(self):
        """What the browser has to say about the page: violated policies, failed scripts."""
        log = [entry["message"] for entry in self.driver.get_log("browser")]
        # A page of another test that was open when its server stopped, and refusals meant.
        return [entry for entry in log if "Failed to load resource" not in entry]


@pytest.fixture
def visit(chromium, wait_for):
    pages = []

    def go(session):
        pages.append(Page(chromium, session.oracle.url, wait_for))
        return pages[-1]

    yield go
    complaints = pages[-1].complaints()
    chromium.get("about:blank")
    assert complaints == []


def test_a_batch_is_labelled_with_the_keyboard(ask, visit):
    session = ask(DIGITS[:4], ["zero", "one", "two", "three"])
    page = visit(session)
    page.press("1", "1 of 4")
    page.press("3", "2 of 4")
    assert session.labels() == ["zero", "two", None, None]
    page.press(Keys.BACKSPACE, "1 of 4")
    assert session.labels() == ["zero", None, None, None]
    page.press("2", "2 of 4")
    page.press("?", "3 of 4")
    page.press("4", "4 of 4")
    assert session.labels() == ["zero", "one", None, "three"]
    assert session.store.counts()["declined"] == 1
    assert session.is_alive()
    page.press(Keys.ENTER, "Nothing to label")
    assert session.returns()
    seconds = [record.seconds for record in session.store.records("answered", samples=False)]
    assert all(0 < taken < 60 for taken in seconds)


def test_a_reload_in_the_middle_goes_on_where_one_was(ask, visit):
    session = ask(DIGITS[:4])
    page = visit(session)
    page.press("1", "1 of 4")
    page.press("2", "2 of 4")
    page.driver.refresh()
    page.wait_for_progress("2 of 4")
    assert page.text("figcaption") == "Sample 3"
    page.press(Keys.BACKSPACE, "1 of 4")
    assert session.labels() == ["cat", None, None, None]


def test_a_closed_tab_and_a_server_that_died(ask, visit, wait_for):
    session = ask(DIGITS[:3])
    page = visit(session)
    page.press("1", "1 of 3")
    page.driver.get("about:blank")
    session.oracle._server.stop()
    wait_for(lambda: session.oracle._server.is_running)
    page.open(session.oracle.url)
    page.wait_for_progress("1 of 3")


def test_keys_wait_for_the_record(ask, visit, monkeypatch):
    session = ask(DIGITS[:3])
    page = visit(session)

    def full(*args, **kwargs):
        raise StoreFullError(28, "The disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(session.store, "tell", full)
        page.press("1")
        page.wait_for(lambda: "disk is full" in page.text("#error"))
    assert page.text("#progress-text").startswith("0 of 3")
    assert page.text("figcaption") == "Sample 1"
    page.press("1", "1 of 3")
    assert not page.find("#error").is_displayed()


def test_a_wrong_token_shows_nothing(ask, visit):
    session = ask(DIGITS[:2])
    page = visit(session)
    origin, token, _ = session.oracle.url.rsplit("/", 2)
    page.driver.get(f"{origin}/{token[::-1]}/")
    assert "lacks the page's token" in page.text("body")
    assert page.find_all("img") == []


def test_digits_are_their_own_keys(ask, visit):
    session = ask(DIGITS[:2], list(range(10)))
    page = visit(session)
    page.press("0", "1 of 2")
    page.press("1", "2 of 2")
    assert session.labels() == [0, 1]


def test_many_classes_are_found_by_typing(ask, visit):
    session = ask(DIGITS[:2], [f"species {number:02d}" for number in range(30)])
    page = visit(session)
    assert len(page.find_all("#classes button")) == 30
    for letter in ["s", *"pecies 2"]:
        page.press(letter)
    assert len(page.find_all("#classes button")) == 10
    page.press("7")
    page.press(Keys.ENTER, "1 of 2")
    page.find("#classes button").click()
    page.wait_for_progress("2 of 2")
    assert session.labels() == ["species 27", "species 00"]


def test_the_grid_labels_the_tile_one_goes_to(ask, visit):
    session = ask(DIGITS)
    page = visit(session)
    page.find("#switch-view").click()
    page.wait_until_shown()
    page.press("2", "1 of 12")
    page.press(Keys.ARROW_RIGHT)
    page.press("3", "2 of 12")
    page.find_all(".tile")[0].click()
    page.press("1")  # has an answer: undo is the way to another
    assert session.labels()[:4] == ["dog", None, "emu", None]
    assert [tile.text for tile in page.find_all(".tile")[:3]] == ["dog", "", "emu"]


def test_a_line_is_labelled_by_where_the_class_turns(ask, visit):
    lines = [{"line": 0, "position": position} for position in (2, 0, 1, 3)]
    lines += [{"line": 1, "position": position} for position in range(3)]
    session = ask(DIGITS[:7], details=lines)
    page = visit(session)
    shown = [image.get_attribute("alt") for image in page.find_all(".line img")]
    assert shown == ["Sample 2", "Sample 3", "Sample 1", "Sample 4"]
    page.press(Keys.ENTER)
    assert session.store.counts()["pending"] == 7  # no turn was chosen yet
    page.press("2")
    page.press("3")
    page.press(Keys.ARROW_RIGHT)
    page.press(Keys.ENTER, "4 of 7")
    assert session.labels()[:4] == ["dog", "dog", "dog", "emu"]
    page.press("?", "7 of 7")
    page.press(Keys.BACKSPACE, "4 of 7")
    page.press(Keys.BACKSPACE, "0 of 7")
    assert session.labels() == [None] * 7


def test_a_table_shows_the_row_by_its_column_names(ask, visit):
    frame = pd.DataFrame({"age": [61, 40], "dose <mg>": [0.25, 1.5], "sex": ["f", "m"]})
    session = ask(frame)
    page = visit(session)
    assert page.text("#stage table").splitlines() == ["age 61", "dose <mg> 0.25", "sex f"]
    page.press("1", "1 of 2")
    assert page.text("#stage table").splitlines() == ["age 40", "dose <mg> 1.5", "sex m"]


def test_a_number_is_typed(ask, visit):
    session = ask(DIGITS[:2], None)
    page = visit(session)
    page.press("-2.5")
    page.press(Keys.ENTER, "1 of 2")
    page.press("much")
    page.press(Keys.ENTER)
    page.wait_for(lambda: "not a number" in page.text("#error"))
    assert session.labels() == [-2.5, None]


def test_the_prediction_is_hidden_until_asked_for_and_shown_beside_its_switch(ask, visit):
    predictions = [{"cat": 0.7, "dog": 0.1, "emu": 0.2}, {"cat": 0.5, "dog": 0.5}]
    page = visit(ask(DIGITS[:2], predictions=predictions))
    assert not page.find("#prediction").is_displayed()
    page.find("#switch-predictions").click()
    assert page.text("#prediction").splitlines() == ["cat · 70 %", "emu · 20 %", "dog · 10 %"]
    switch, shown = page.find("#switch-predictions").rect, page.find("#prediction").rect
    assert abs(shown["y"] - switch["y"]) < 100
    assert shown["y"] + shown["height"] <= page.driver.execute_script("return window.innerHeight")
    page.press("1", "1 of 2")
    assert page.text("#prediction").splitlines()[:2] == ["cat · 50 %", "dog · 50 %"]
    page.driver.refresh()
    page.wait_until_shown()
    assert not page.find("#prediction").is_displayed()


def test_predictions_that_are_no_numbers_block_nothing(ask, visit):
    predictions = [{"cat": float("nan"), "dog": 1.0}, {"cat": float("inf"), "dog": 0.0}]
    session = ask(DIGITS[:2], predictions=predictions)
    page = visit(session)
    page.press("1", "1 of 2")
    assert session.labels()[0] == "cat"


def test_at_the_end_the_page_says_that_all_is_done(ask, visit):
    session = ask(DIGITS[:1])
    page = visit(session)
    page.press("1", "1 of 1")
    page.press(Keys.ENTER)
    assert session.returns()
    session.oracle.close()
    page.wait_for(lambda: "All done" in page.text("#stage"))
    assert not page.find("#error").is_displayed()
    assert not page.find("#answers").is_displayed()


def test_another_annotators_answers_appear(ask, visit):
    session = ask(DIGITS[:3])
    page = visit(session)
    session.store.tell(session.ids[:2], ["emu", "cat"], annotator="Bob")
    page.wait_for_progress("2 of 3")
    assert page.text("figcaption") == "Sample 3"


def test_names_are_text_and_never_markup(ask, visit):
    name = "<img src=x onerror=alert(1)>"
    page = visit(ask(pd.DataFrame({name: [1.0]}), [name, "b"], annotator=name))
    assert name in page.text("#stage")
    assert name in page.text("#annotator")
    assert page.find_all("img") == []


@pytest.mark.parametrize("width", [360, 1200])
def test_everything_fits_the_window_and_has_a_name(ask, visit, width):
    page = visit(ask(DIGITS, [f"class {number}" for number in range(12)]))
    size = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": width < 600}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    script = "return document.documentElement.scrollWidth <= window.innerWidth"
    assert page.driver.execute_script(script)
    image = page.find("#stage img").rect
    footer = page.find("footer").rect
    assert min(image["width"], image["height"]) > 150
    assert image["y"] + image["height"] <= footer["y"]
    for control in page.find_all("button, input, select, progress, img"):
        if control.is_displayed():
            assert control.accessible_name.strip()
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(ask, visit, scheme):
    page = visit(ask(DIGITS[:2]))
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"

    def luminance(selector, name):
        value = page.driver.execute_script(script, selector, name)
        rgb = np.array(value.split("(")[1].rstrip(")").split(",")[:3], dtype=float) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    # WCAG 2.2, success criterion 1.4.3: 4.5 to 1.
    for text, ground in [
        ("body", "body"),
        ("figcaption", "body"),
        ("#status", "body"),
        ("#classes button", "#classes button"),
        ("#finish", "#finish"),
    ]:
        pair = [luminance(text, "color"), luminance(ground, "backgroundColor")]
        assert (max(pair) + 0.05) / (min(pair) + 0.05) >= 4.5
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_hundreds_of_images_come_in_a_few_requests(ask, visit):
    images = np.random.default_rng(0).integers(256, size=(500, 1, 64, 64), dtype=np.uint8)
    page = visit(ask(images))
    page.find("#switch-view").click()
    page.wait_until_shown = lambda: None  # most tiles are out of sight, and load when they come
    page.press("1", "1 of 500")
    page.press("?", "2 of 500")
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    bundles = [name for name in page.driver.execute_script(script) if "/api/images/" in name]
    assert 1 <= len(bundles) == len(set(bundles)) <= 4
