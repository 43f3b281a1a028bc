"""The batch that is being labelled, shared by the server's threads and the one that waits."""

import threading
import time


class StaleBatchError(Exception):
    """The page shows a batch that is no longer the present one."""


class Session:
    """The batch that is being labelled, or none: the one state of the server.

    A batch is done once all its samples have an answer and, if any came from the page, the
    person has handed it over: up to then the last answer, too, can be undone.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._batch = None
        self._number = 0
        self._open = False
        self._answered_here = False
        self._seen = -float("inf")

    def show(self, batch):
        """Show a batch to the person."""
        with self._changed:
            self._batch = batch
            self._number += 1
            self._open = True
            self._answered_here = False

    def clear(self):
        """Take the batch away; the page waits for the next."""
        with self._changed:
            self._batch = None
            self._number += 1
            self._open = False

    def wait(self, timeout):
        """Wait at most ``timeout`` seconds for the batch to be done; return whether it is."""
        with self._changed:
            self._changed.wait_for(self._is_done, timeout)
            return self._is_done()

    @property
    def last_seen(self):
        """When a page last asked for anything, on the clock of ``time.monotonic``."""
        return self._seen

    def describe(self):
        """Describe the batch to the page, as a dict ready for JSON."""
        with self._changed:
            progress = self.progress()
            if self._batch is None:
                nothing = {"classes": None, "image": None, "samples": [], "items": []}
                return {**progress, **nothing}
            return {**progress, **self._batch.describe()}

    def progress(self):
        """Return the number of the batch, whether it is open, and answers as text by sample id."""
        self._seen = time.monotonic()
        with self._changed:
            answers = {} if self._batch is None else self._batch.answers()
            return {"number": self._number, "open": self._open, "answers": answers}

    def images(self, number, bundle):
        """Encode the images of a bundle of the batch as PNG in base64."""
        with self._changed:
            batch = self._current(number)
        return batch.images(bundle)

    def answer(self, number, ids, answers, seconds):
        """Record answers (class positions, numbers, None for unknown); return the progress."""
        with self._changed:
            self._current(number).tell(ids, answers, seconds)
            self._answered_here = True
            self._changed.notify_all()
            return self.progress()

    def undo(self, number):
        """Take back the last answer; return the progress with ``undone``, the ids pending again."""
        with self._changed:
            undone = self._current(number).undo()
            return {**self.progress(), "undone": undone}

    def finish(self, number):
        """Hand the batch over; return the progress."""
        with self._changed:
            if self._current(number).count_pending():
                raise ValueError("Some samples of this batch have no answer yet.")
            self._open = False
            self._changed.notify_all()
            return self.progress()

    def _current(self, number):
        if number != self._number or not self._open:
            raise StaleBatchError("This batch is closed; the page will show what comes next.")
        return self._batch

    def _is_done(self):
        handed_over = not self._open or not self._answered_here
        return handed_over and not self._batch.count_pending()
