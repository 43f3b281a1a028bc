"""The samples that a person labels together, and the page's state: one such batch at a time.

Samples are shown as they are, and answered into the store.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from numbers import Real

import numpy as np

from skgal.annotation._samples import show_samples

CANNOT_TELL = "can’t tell"


class Batch:
    """Samples of a store, read once; their answers, read and written every time.

    Samples whose record has ``details`` of the form ``{"line": ..., "position": ...}`` are a
    line, in the order of their positions, which is answered as one. Where such details have
    ``"classes"``, a pair, these are proposed for its two ends.
    """

    def __init__(
        self, store, ids, *, classes=None, annotator=None, image_shape=None, feature_names=None
    ):
        self._store = store
        self._annotator = annotator
        self._classes = _check_classes(store.classes if classes is None else classes)
        if self._classes is None and (store.n_outputs or 1) > 1:
            raise ValueError(
                f"The page takes one number for each sample, but the labels of this store have "
                f"{store.n_outputs}; answer by tell, or by a program."
            )
        self._records = store.records(ids=ids)
        self._ids = [record.id for record in self._records]
        self._samples = show_samples(
            [record.X for record in self._records],
            image_shape=image_shape,
            feature_names=feature_names,
        )
        self._given = []

    def __len__(self):
        return len(self._ids)

    def describe(self):
        """Describe the samples, and the items that get an answer each, as a dict ready for JSON."""
        samples = [
            {
                "id": record.id,
                "row": self._samples.row(position),
                "prediction": self._prediction(record),
            }
            for position, record in enumerate(self._records)
        ]
        return {
            "annotator": self._annotator,
            "classes": None if self._classes is None else [str(name) for name in self._classes],
            "samples": samples,
            "items": self._items(),
            **self._samples.describe(),
        }

    def images(self, bundle):
        """Encode the images of a bundle as PNG in base64; ValueError if samples are no images."""
        return self._samples.images(bundle)

    def answers(self):
        """Return a dict from the id of a sample to its label, or to why there is none."""
        records = self._store.records(ids=self._ids, samples=False)
        return {
            record.id: _answer_text(record, self._annotator)
            for record in records
            if record.status != "pending"
        }

    def count_pending(self):
        """Count the samples without an answer."""
        return len(self) - len(self.answers())

    def tell(self, ids, answers, seconds):
        """Write answers to the store: class positions or numbers, or None for unknown."""
        some = set(ids)
        if not ids or not some <= set(self._ids) or not len(some) == len(ids) == len(answers):
            raise ValueError("Expected one answer for each of some samples of this batch.")
        labels = [self._as_label(answer) for answer in answers]
        self._store.tell(ids, labels, annotator=self._annotator, seconds=seconds / len(ids))
        self._given.append(ids)

    def undo(self):
        """Take back the last answers; return the ids of samples that are pending again."""
        if not self._given:
            return []
        with self._store.transaction():
            for sample in self._given[-1]:  # the answers of others stay
                self._store.undo(self._annotator, [sample])
        return self._given.pop()

    def _as_label(self, answer):
        if answer is None:
            return None
        if self._classes is None:
            if isinstance(answer, Real) and not isinstance(answer, bool):
                return float(answer)
        elif type(answer) is int and 0 <= answer < len(self._classes):
            return self._classes[answer]
        expected = "a number" if self._classes is None else "the position of a class"
        raise ValueError(f"An answer is {expected} or null; got {answer!r}.")

    def _prediction(self, record):
        """What the model predicts: one share for each class, a number, or None."""
        prediction = record.prediction
        if isinstance(prediction, Mapping) and self._classes is not None:
            prediction = [prediction.get(name, 0.0) for name in self._classes]
        elif not isinstance(prediction, Real):
            return None
        return prediction if np.isfinite(prediction).all() else None  # JSON knows no NaN

    def _items(self):
        items, lines = [], defaultdict(list)
        for position, record in enumerate(self._records):
            key = _line_of(record)
            if key is None or self._classes is None:
                items.append({"positions": [position]})
                continue
            if key not in lines:
                items.append({"positions": lines[key], "ends": self._ends(record.details)})
            lines[key].append(position)
        for positions in lines.values():
            positions.sort(key=lambda position: self._records[position].details["position"])
        return items

    def _ends(self, details):
        """Positions of the classes that a strategy expects at the ends of a line."""
        ends = details.get("classes", [])
        if len(ends) != 2 or not set(ends) <= set(self._classes):
            return None
        return [self._classes.index(name) for name in ends]


def _check_classes(classes):
    if classes is None:
        return None
    # Python's own numbers, which JSON knows and which a store gives back.
    names = [name.item() if isinstance(name, np.generic) else name for name in classes]
    if isinstance(classes, str) or len(set(names)) < max(2, len(names)):
        raise ValueError(f"Expected two classes or more, no two the same; got {classes!r}.")
    return names


def _line_of(record):
    details = record.details
    if isinstance(details, Mapping) and {"line", "position"} <= set(details):
        return record.round, str(details["line"])
    return None


def _answer_text(record, annotator):
    """The label, or why there is none; of several opinions that of the one who labels here."""
    details = record.answer_details if isinstance(record.answer_details, Mapping) else {}
    label = record.label
    if annotator is not None and isinstance(details.get("votes"), Mapping):
        label = details["votes"].get(annotator, label)
        if annotator in details.get("declined", []):
            return CANNOT_TELL
    if record.status == "declined":
        return CANNOT_TELL
    if record.status != "answered":
        return record.status
    if isinstance(label, Mapping):
        return str(max(record.label, key=record.label.get))
    return str(label)


class StaleBatchError(Exception):
    """The page shows a batch that is no longer the present one."""


class PageState:
    """The batch that is being labelled, or none: all that the server or the widget knows.

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


# What a front end sends


def _is_whole(value):
    return type(value) is int and abs(value) < 2**63


FIELDS = {
    "number": _is_whole,
    "bundle": _is_whole,
    "ids": lambda ids: isinstance(ids, list) and all(map(_is_whole, ids)),
    "answers": lambda answers: isinstance(answers, list),
    "seconds": lambda value: type(value) in (int, float) and 0 <= value < 1e9,
}
"""What a value of each field must be."""


def are_valid(names, values):
    """Whether the values that a front end sent are what fields of these names hold."""
    pairs = zip(names, values, strict=False)
    return len(names) == len(values) and all(FIELDS[name](value) for name, value in pairs)
