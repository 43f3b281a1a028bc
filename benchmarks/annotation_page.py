"""Time how soon a batch of images is ready to label, in a headless Chromium.

The clock starts when the oracle is called on samples that a store holds, and again when the
browser is sent to the page. It stops at ``ready``, when the first image is decoded and its keys
work, and at ``all_shown``, when every image of the batch is, on a screen tall enough for all
tiles of the grid.

Run it from the repository's root; it needs chromium, chromedriver and the extra ``test``:

    python benchmarks/annotation_page.py --output benchmarks/results/annotation_page.json
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import statistics
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from selenium import webdriver

from skgal.active import LabelStore
from skgal.annotation import HumanOracle

TALL_SCREEN = {"width": 1280, "height": 20_000, "deviceScaleFactor": 1, "mobile": False}
ALL_DECODED = """
    const all = [...document.querySelectorAll("#stage img")];
    return all.length >= arguments[0] && all.every((image) => image.complete && image.naturalWidth);
"""


def wait_for(condition):
    while not condition():
        time.sleep(0.01)


def measure(driver, images):
    """Seconds until a batch is served, ready to label, and shown as a whole."""
    store = LabelStore()
    ids = store.add_query(images)
    oracle = HumanOracle(["cat", "dog"], open_browser=False)
    called = time.perf_counter()
    threading.Thread(target=oracle.label_pending, args=(store, ids), daemon=True).start()
    wait_for(lambda: oracle.url is not None)
    served = time.perf_counter()
    driver.get(oracle.url)
    wait_for(lambda: driver.execute_script(ALL_DECODED, 1))
    ready = time.perf_counter()
    driver.find_element("id", "switch-view").click()
    wait_for(lambda: driver.execute_script(ALL_DECODED, len(images)))
    shown = time.perf_counter()
    driver.get("about:blank")
    store.withdraw(ids)
    oracle.close()
    return {"served": served - called, "ready": ready - served, "all_shown": shown - ready}


def open_browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", TALL_SCREEN)
    return driver


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-images", type=int, nargs="+", default=[5, 500])
    parser.add_argument("--side", type=int, default=64, help="pixels of a side")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    return parser.parse_args()


def main():
    options = parse_arguments()
    rng = np.random.default_rng(0)
    runs, driver = [], open_browser()
    try:
        for _ in range(options.repeats):
            for n_images in options.n_images:
                # Noise is the worst that PNG can be given.
                shape = (n_images, 1, options.side, options.side)
                images = rng.integers(256, size=shape, dtype=np.uint8)
                load = os.getloadavg()[0]
                runs.append({"n_images": n_images, "load": load, **measure(driver, images)})
        browser = driver.capabilities["browserVersion"]
    finally:
        driver.quit()
    summary = []
    for n_images in options.n_images:
        mine = [run for run in runs if run["n_images"] == n_images]
        medians = {k: statistics.median(run[k] for run in mine) for k in runs[0]}
        summary.append(medians)
        print("  ".join(f"{name} {value:.2f}" for name, value in medians.items()))
    if options.output is not None:
        report = {
            "command": shlex.join(["python", *sys.argv]),
            "options": {k: v for k, v in vars(options).items() if k != "output"},
            "versions": {
                "python": platform.python_version(),
                "chromium": browser,
                **{name: version(name) for name in ("numpy", "pillow", "starlette", "uvicorn")},
            },
            "machine": {"processor": platform.machine(), "n_cpus": os.cpu_count()},
            "summary": summary,
            "runs": runs,
        }
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
