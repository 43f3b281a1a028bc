"""``skgal-annotate labels.db``: label what a store has pending."""

import argparse
import logging
import time
from pathlib import Path

from skgal.active import LabelStore
from skgal.annotation._oracle import POLL_SECONDS, HumanOracle
from skgal.exceptions import StoreError

logger = logging.getLogger("skgal.annotation")


def main(argv=None):
    """Show the pending samples of a store on a page, and new ones as they come, until Ctrl-C."""
    arguments = _parse(argv)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("skgal").setLevel(logging.INFO)
    try:
        store = LabelStore(arguments.store)
    except StoreError as error:
        raise SystemExit(f"skgal-annotate: {error}") from error
    with (
        store,
        HumanOracle(
            arguments.classes,
            port=arguments.port,
            annotator=arguments.annotator,
            open_browser=not arguments.no_browser,
            image_shape=arguments.image_shape,
        ) as oracle,
    ):
        try:
            _label_forever(store, oracle)
        except KeyboardInterrupt:
            logger.info("Ended. Of %s: %s.", arguments.store, _summary(store))
    return 0


def _label_forever(store, oracle):
    waiting = False
    while True:
        pending = store.waiting(oracle.annotator)
        if pending:
            oracle.label_pending(store, pending)
        elif not waiting:
            logger.info("Nothing is pending; waiting for samples. Ctrl-C ends.")
        waiting = not pending
        time.sleep(POLL_SECONDS)


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="skgal-annotate",
        description="Label the pending samples of a store on a page of this machine.",
    )
    parser.add_argument("store", type=_existing_file, help="the file of a LabelStore")
    parser.add_argument("--port", type=int, default=0, help="where to listen; default: a free one")
    parser.add_argument("--annotator", help="who labels, for the record")
    parser.add_argument(
        "--no-browser", action="store_true", help="say the address, open no browser"
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        type=_class,
        metavar="NAME",
        help="what a sample may be, in the order shown; whole numbers are numbers; default: the "
        "classes that the store knows",
    )
    parser.add_argument(
        "--image-shape",
        type=_shape,
        metavar="C,H,W",
        help="shape of images that were stored as flat rows",
    )
    return parser.parse_args(argv)


def _existing_file(text):
    path = Path(text)
    if not path.is_file():  # A LabelStore would make a new one of a misspelled name.
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _class(text):
    try:
        return int(text)
    except ValueError:
        return text


def _shape(text):
    try:
        channels, height, width = (int(side) for side in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected C,H,W such as 1,28,28; got {text}") from error
    return channels, height, width


def _summary(store):
    return ", ".join(f"{count} {status}" for status, count in store.counts().items())
