"""The session as a conversation: ask, tell, ignore, undo."""

import os
from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skgal.active._answers import as_answers, raise_failures
from skgal.active._buying import record_answers
from skgal.active._record import Query
from skgal.active._store import LabelStore
from skgal.active._store_file import SECONDS_TO_WAIT


class AskTellMixin:
    """Methods for those who bring the labels themselves.

    A class that inherits has ``fit``, a :class:`Session` in ``_session``, and methods
    ``_refresh()``, ``_catch_up()`` and ``_ask_next(n)``.
    """

    @property
    def pending_(self):
        """Query: the samples that were asked for and wait for their labels, oldest first."""
        check_is_fitted(self)
        self._refresh()
        return self._session.pending

    def ask(self, n=None):
        """Choose samples to label next.

        If labels came since the last fit of the model, it is fitted anew before.

        Parameters
        ----------
        n : int, default=None
            How many; None: ``batch_size``.

        Returns
        -------
        Query
            No more than the budget and the pool have left, so maybe of length 0. Samples that
            wait for their labels already are not among them: those are in :attr:`pending_`.
            Where X has samples more than once, they may be there more than once, with ids of
            their own: only a label that the store has already is not asked for again, so each
            wants telling. (An oracle is asked once, and its label is for all.)

        Raises
        ------
        TypeError, ValueError
            If n is no positive whole number.
        StoreInUseError
            If another learner is buying for the store, and doesn't finish within a minute.
        """
        check_is_fitted(self)
        if n is not None:
            check_scalar(n, "n", Integral, min_val=1)
        with self.store_.lock(wait=SECONDS_TO_WAIT):
            self._refresh()
            self._catch_up()
            return self._ask_next(n)

    def tell(self, query, y, *, annotator=None, seconds=None):
        """Record labels; they are in the store, and on disk if it is, when this returns.

        In part, out of order, or again: all is well. As soon as nothing is pending, the model is
        fitted to all that is known.

        Parameters
        ----------
        query : Query, int or array-like of int
            What :meth:`ask` returned, or ids of samples, in this process or in another one.
        y : array-like of shape (n_answers,) or (n_answers, n_classes)
            Labels, or class probabilities with a column for each of ``labelled_.classes``;
            ``missing_label``, or a row of NaN, where declined.
        annotator : str, default=None
            Who labelled them.
        seconds : float, default=None
            How long it took for each.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If an id is unknown, or there isn't a label for each. If some are no labels: then
            the others are recorded, and the samples of these stay pending.
        """
        check_is_fitted(self)
        ids, y = _ids_of(query), [y] if np.ndim(query) == 0 and not isinstance(query, Query) else y
        self._refresh()
        self._session.select(ids)  # refuses ids that are unknown
        classes = self.labelled_.classes
        answers = as_answers(y, len(ids), classes=classes, missing_label=self.missing_label)
        seconds = np.nan if seconds is None else seconds
        named = [answer._replace(annotator=annotator, seconds=seconds) for answer in answers]
        try:
            record_answers(named, ids, self.store_, classes=classes)
        finally:
            self._refresh()
        raise_failures(named)
        self._catch_up(if_pending=False)
        return self

    def ignore(self, query):
        """Withdraw samples that nobody shall label; they are not asked for again.

        Parameters
        ----------
        query : Query, int or array-like of int
            What :meth:`ask` returned, or ids of samples; those that aren't pending stay as
            they are.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.store_.withdraw(_ids_of(query))
        self._refresh()
        self._catch_up(if_pending=False)
        return self

    def undo(self, annotator=None):
        """Take the last answer back: its sample is pending again.

        The model forgets it with its next fit; the store's :meth:`~LabelStore.events` never do.

        Parameters
        ----------
        annotator : str, default=None
            Take back the last answer of this one only.

        Returns
        -------
        int or None
            The id of the sample; None if there is nothing to undo.
        """
        check_is_fitted(self)
        sample = self.store_.undo(annotator)
        self._refresh()
        return sample

    def resume(self, path, X, y, *, X_val=None, y_val=None):
        """Go on with the session that a store holds, in a new process or after a crash.

        The same as ``fit`` with ``store=path``, but for its insisting that there is a session
        to go on with. Labels in the store aren't asked for again, and the choices are those of
        a session without a break.

        Parameters
        ----------
        path : str or path-like
            The store; becomes the parameter ``store``.
        X, y : array-like
            The samples and labels that the session began with.
        X_val, y_val : array-like, default=None
            As in ``fit``.

        Returns
        -------
        self

        Raises
        ------
        FileNotFoundError
            If there is no file.
        ValueError
            If it holds no session, or one with other samples or labels.
        """
        if not os.path.exists(path):
            raise FileNotFoundError(f"There is no store {os.fspath(path)} to resume from.")
        with LabelStore(path) as store:
            if store.read_meta("initial") is None:
                raise ValueError(
                    f"The store {store.path} holds no session; fit with store={store.path!r} "
                    "begins one."
                )
        self.set_params(store=path)
        return self.fit(X, y, X_val=X_val, y_val=y_val)


def _ids_of(query):
    ids = query.ids if isinstance(query, Query) else np.atleast_1d(query)
    if ids is None:
        raise ValueError("This query was never recorded; pass what ask() returned, or ids.")
    return ids
