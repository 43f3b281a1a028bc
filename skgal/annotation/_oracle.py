"""The oracle that asks a person."""

import logging
import threading
import time
import webbrowser

import numpy as np

from skgal.active import LabelStore
from skgal.annotation._batch import Batch, PageState
from skgal.utils import PrintedParameters

logger = logging.getLogger("skgal.annotation")

POLL_SECONDS = 1.0
"""How long an answer given in another process may go unnoticed."""

OPENING_SECONDS = 15.0
"""How long a browser may take to show the page before the address is logged."""

ABSENCE_SECONDS = 150.0
"""How long an open page may be silent before the address is logged again.

Browsers let pages in the background run once a minute only.
"""


class HumanOracle(PrintedParameters):
    """An oracle that shows samples on a web page of this machine, where a person labels them.

    The page is served from a thread of this process, at 127.0.0.1 only and under an address
    that can't be guessed; it loads nothing from elsewhere. Every answer is in the store, on disk if
    the store is, before the page shows it as given. So a closed tab, a reload or a killed
    process loses nothing: open the address again, or call again, and what is still pending is
    shown.

    Parameters
    ----------
    classes : sequence of str, int or bool, or None, default=None
        What a sample may be, in the order shown. None for those that the store knows; where it
        knows none either, the answers are numbers (regression).
    port : int, default=0
        The port to listen at, 0 for one that is free.
    annotator : str or None, default=None
        Who labels, for the record.
    open_browser : bool, default=True
        Whether to open the page. If False, or if no page shows up, a warning of the logger
        ``"skgal.annotation"`` says the address.
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows; without it rows are shown as tables.
    feature_names : sequence of str or None, default=None
        What to call the columns of tables whose record has no names.

    Attributes
    ----------
    classes_ : list
        The classes, if given.

    See Also
    --------
    LabellingWidget : The same page within a notebook.
    to_label_studio : Where people label in Label Studio.

    Notes
    -----
    Images of one batch are scaled together, the smallest value of all black, the largest white.
    Other numbers of channels than one (grey) and three (colour) are shown as grey images side by
    side.

    The address begins with a random token, without which every request is refused. It goes to
    the browser and, where no page shows up, to the logger; request logs never have it.

    Copies and pickles have the same parameters and a page of their own. scikit-learn's ``clone``
    keeps the oracle itself, so that all clones of a learner ask on one page.

    Examples
    --------
    >>> from skgal.annotation import HumanOracle
    >>> oracle = HumanOracle(["cat", "dog"], annotator="Ada")
    >>> oracle.classes_
    ['cat', 'dog']

    ``ActiveLearner(clf, strategy, oracle=oracle, store="labels.db")`` would now wait for Ada at
    every batch.
    """

    def __init__(
        self,
        classes=None,
        *,
        port=0,
        annotator=None,
        open_browser=True,
        image_shape=None,
        feature_names=None,
    ):
        self.classes = classes
        self.port = port
        self.annotator = annotator
        self.open_browser = open_browser
        self.image_shape = image_shape
        self.feature_names = feature_names
        self._page = PageState()
        self._server = None
        self._one_at_a_time = threading.Lock()

    @property
    def classes_(self):
        """The classes it may answer with; only if given."""
        if self.classes is None:
            raise AttributeError("The classes are those that the store knows.")
        return list(self.classes)

    @property
    def url(self):
        """Address of the page, token included; None before it is first served."""
        return None if self._server is None else self._server.url

    def __call__(self, X):
        """Have samples labelled, with a record that ends with the call.

        Parameters
        ----------
        X : array-like of shape (n_asked, n_features) or (n_asked, c, h, w), or DataFrame

        Returns
        -------
        ndarray of shape (n_asked,)
            Labels; NaN where the person can't tell.
        """
        with LabelStore() as store:
            ids = store.add_query(X)
            self.label_pending(store, ids)
            labels = [record.label for record in store.records(ids=ids, samples=False)]
        labels = [np.nan if label is None else label for label in labels]
        # NumPy would spell the NaN among strings as one.
        mixed = any(isinstance(label, str) for label in labels)
        return np.array(labels, dtype=object if mixed else None)

    def label_pending(self, store, ids):
        """Wait until a person has answered for samples of a store.

        Parameters
        ----------
        store : LabelStore
            Where the samples are, and the answers go.
        ids : array-like of int
            Samples of the store; those that have an answer by now are left out, and so are
            those asked again of another annotator than this one.

        Raises
        ------
        ValueError
            If the samples can't be shown: images with NaN, say, or of another shape than
            ``image_shape``.
        OSError
            If the port is taken.
        ImportError
            If the extra ``annotation`` isn't installed.
        """
        pending = store.waiting(self.annotator, ids)
        if not pending:
            return
        batch = Batch(
            store,
            pending,
            classes=self.classes,
            annotator=self.annotator,
            image_shape=self.image_shape,
            feature_names=self.feature_names,
        )
        with self._one_at_a_time:
            self._page.show(batch)
            try:
                self._wait(batch)
            finally:
                self._page.clear()

    def close(self):
        """Stop serving the page; the next call would serve it again."""
        if self._server is not None:
            self._server.stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state):
        self.__init__(**state)

    def __sklearn_clone__(self):
        # Clones of a learner ask on the same page.
        return self

    def _wait(self, batch):
        """Keep the page served, and found, until the batch is done."""
        self._serve()
        self._open_page(batch)
        quiet_until = time.monotonic() + OPENING_SECONDS
        while not self._page.wait(POLL_SECONDS):
            self._serve()
            logger.debug("%d of %d samples are still pending.", batch.count_pending(), len(batch))
            quiet_until = max(quiet_until, self._page.last_seen + ABSENCE_SECONDS)
            if time.monotonic() > quiet_until:
                self._log_address(batch)
                quiet_until = time.monotonic() + ABSENCE_SECONDS
        logger.info("All %d samples have an answer.", len(batch))

    def _serve(self):
        """Start the server, if it isn't there or has died, at the address it had."""
        server = self._server or _import_server()(self._page, self.port)
        if not server.is_running:
            server.start()
        self._server = server

    def _open_page(self, batch):
        """Open the page, unless it is open."""
        if time.monotonic() < self._page.last_seen + ABSENCE_SECONDS:
            return
        if self.open_browser and webbrowser.open(self.url):
            logger.info("%d samples wait for a label in the browser.", batch.count_pending())
        else:
            self._log_address(batch)

    def _log_address(self, batch):
        logger.warning("%d samples wait for a label at %s", batch.count_pending(), self._server.url)


def _import_server():
    try:
        from skgal.annotation._server import PageServer
    except ImportError as error:
        error.add_note("The page needs more packages: pip install 'skgal[annotation]'.")
        raise
    return PageServer
