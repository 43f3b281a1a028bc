"""What can be wrong with a store of labels; every message says what became of the file."""


class StoreError(RuntimeError):
    """A store of labels can't be used; what was committed to it before is kept.

    Base of all that can be wrong with the file; catch it to handle every case alike.

    See Also
    --------
    skgal.active.LabelStore : The store.
    LabelError : It is the answers that can't be used.

    Examples
    --------
    >>> import tempfile
    >>> from skgal.active import LabelStore
    >>> from skgal.exceptions import StoreError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     try:
    ...         LabelStore(folder)
    ...     except StoreError:
    ...         print("a store is a file")
    a store is a file
    """


class StoreCorruptError(StoreError):
    """A file is no store of labels, or is one that is damaged; it is left as it is.

    Usual remedy: `skgal.active.salvage_store` rescues what can be read.

    See Also
    --------
    skgal.active.salvage_store : Saves what is whole.
    StoreMissingError : The file is gone.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgal.active import LabelStore
    >>> from skgal.exceptions import StoreCorruptError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.db")
    ...     _ = path.write_text("no store of labels")
    ...     try:
    ...         LabelStore(path)
    ...     except StoreCorruptError:
    ...         print("this file is no store")
    this file is no store
    """


class StoreFullError(StoreError, OSError):
    """A store of labels could not be written: the disk is full, over its quota, or failing.

    Make room, and call the same ``fit``: it goes on where it was.

    See Also
    --------
    StoreReadOnlyError : Writing isn't allowed.

    Examples
    --------
    >>> from skgal.active import LabelStore
    >>> from skgal.exceptions import StoreFullError
    >>> store = LabelStore()
    >>> try:
    ...     ids = store.add_query([[0.0]])
    ... except StoreFullError as error:
    ...     print("make room, then go on with", error.filename)
    >>> issubclass(StoreFullError, OSError)
    True
    """


class LabelError(ValueError):
    """Answers can't be used as labels; those beside them are recorded all the same.

    ``refused`` has the ids of the samples in question, and the message says what is wrong with
    each.

    Parameters
    ----------
    refused : dict from int to str
        From the id of a sample to the reason; they are pending as before.
    conflicts : list of tuple (id, label, late_label)
        Samples that have another label already, which holds.

    See Also
    --------
    StoreError : It is the store that fails.
    skgal.active.LabelStore : Keeps refused answers as events.

    Examples
    --------
    >>> from skgal.active import LabelStore
    >>> from skgal.exceptions import LabelError
    >>> store = LabelStore()
    >>> ids = store.add_query([[0.0], [1.0]])
    >>> store.tell(ids[:1], ["cat"])
    >>> try:
    ...     store.tell(ids, ["dog", "dog"])
    ... except LabelError as error:
    ...     print(error.conflicts)
    [(1, 'cat', 'dog')]
    >>> [record.label for record in store.records()]
    ['cat', 'dog']
    """

    def __init__(self, refused, conflicts):
        self.refused, self.conflicts = refused, conflicts
        super().__init__(refused, conflicts)

    def __str__(self):
        messages = []
        if self.refused:
            reasons = [*dict.fromkeys(self.refused.values())][:5]
            messages.append(
                f"There is no usable answer for samples {[*self.refused][:5]} of the store "
                f"({len(self.refused)} in all): {'; '.join(reasons)} They stay as they were; the "
                "answers are kept in the store's events()."
            )
        if self.conflicts:
            sample, label, late = self.conflicts[0]
            messages.append(
                f"{len(self.conflicts)} of the samples have another label already: sample "
                f"{sample} is {label!r}, and the answer {late!r} came too late. The first answer "
                "holds, the late one is kept in the store's events(). To replace a label, reopen "
                "its sample first."
            )
        return " ".join(messages)


class StoreInUseError(StoreError):
    """Another learner is labelling for a store; two would pay twice for the same samples.

    Wait until the other has ended, or give this one a store of its own.

    See Also
    --------
    skgal.active.LabelStore : The store, whose lock it is.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgal.active import LabelStore
    >>> from skgal.exceptions import StoreInUseError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.db")
    ...     with LabelStore(path) as one, LabelStore(path) as other, one.lock():
    ...         try:
    ...             with other.lock():
    ...                 pass
    ...         except StoreInUseError:
    ...             print("another learner is labelling")
    another learner is labelling
    """


class StoreMismatchError(StoreError, ValueError):
    """A store of labels belongs to other samples, or to a session that began otherwise.

    Pass the X and y that the session began with, or another path for a new session.

    See Also
    --------
    StoreVersionError : The file is another version's.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner
    >>> from skgal.exceptions import StoreMismatchError
    >>> from skgal.query import RandomSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> y_known = np.where(np.arange(150) % 10 == 0, y, np.nan)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.db")
    ...     learner = ActiveLearner(GaussianNB(), RandomSampling(), store=path, random_state=0)
    ...     _ = learner.fit(X, y_known)
    ...     try:
    ...         _ = learner.fit(X + 1.0, y_known)
    ...     except StoreMismatchError:
    ...         print("this store belongs to other samples")
    this store belongs to other samples
    """


class StoreMissingError(StoreError):
    """A store of labels was deleted, moved or replaced while in use.

    Usual remedy: `skgal.active.LabelStore.backup` writes what it holds to a new file.

    See Also
    --------
    StoreCorruptError : The file is there, and damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgal.active import LabelStore
    >>> from skgal.exceptions import StoreMissingError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.db")
    ...     with LabelStore(path) as store:
    ...         path.unlink()
    ...         try:
    ...             ids = store.add_query([[0.0]])
    ...         except StoreMissingError:
    ...             print("the file is gone")
    the file is gone
    """


class StoreReadOnlyError(StoreError, PermissionError):
    """A store of labels can't be written to, for want of a permission.

    Copy the file to where you may write, or have its permissions changed.

    See Also
    --------
    StoreFullError : There is no space.

    Examples
    --------
    >>> from skgal.active import LabelStore
    >>> from skgal.exceptions import StoreReadOnlyError
    >>> store = LabelStore()
    >>> try:
    ...     ids = store.add_query([[0.0]])
    ... except StoreReadOnlyError as error:
    ...     print("no permission to write", error.filename)
    >>> issubclass(StoreReadOnlyError, PermissionError)
    True
    """


class StoreVersionError(StoreError):
    """A store of labels was written by another version of skgal; it is left as it is.

    Open it by the version that wrote it; a table of its labels can be imported into a new
    store.

    See Also
    --------
    StoreMismatchError : The file belongs to other samples.

    Examples
    --------
    >>> import sqlite3, tempfile
    >>> from pathlib import Path
    >>> from skgal.active import LabelStore
    >>> from skgal.exceptions import StoreVersionError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.db")
    ...     LabelStore(path).close()
    ...     later = sqlite3.connect(path)
    ...     _ = later.execute("PRAGMA user_version = 1000")  # as a later skgal might
    ...     later.close()
    ...     try:
    ...         LabelStore(path)
    ...     except StoreVersionError:
    ...         print("use the skgal that wrote it")
    use the skgal that wrote it
    """
