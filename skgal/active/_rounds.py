"""The history of a session, which outlives the process that wrote it."""

import numpy as np


class Rounds:
    """One entry for each model that was fitted, kept in the store.

    Parameters
    ----------
    store : LabelStore

    Attributes
    ----------
    history : list of dict
    """

    def __init__(self, store):
        self._store = store
        entries = store.read_history()
        self._taught = entries[-1][0] if entries else None
        self.history = [_from_content(content) for _, content in entries]

    def is_current(self, change):
        """Tell whether the last entry knows of a change of the store.

        Parameters
        ----------
        change : int
            The event that made it.

        Returns
        -------
        bool
        """
        return self._taught is not None and self._taught >= change

    def purchase(self):
        """Sum up what was spent since the last entry.

        Returns
        -------
        dict
            ``seconds_query``, ``seconds_oracle``, and ``mean_entropy`` of the last batch, NaN if
            there was none.
        """
        since = self._taught or 0
        notes = self._store.read_notes(since)
        return {
            "seconds_query": sum(note["seconds_query"] for note in notes),
            "seconds_oracle": self._store.sum_seconds(since),
            "mean_entropy": notes[-1]["mean_entropy"] if notes else np.nan,
        }

    def add(self, row, change):
        """Add an entry.

        Parameters
        ----------
        row : dict
        change : int
            The last change of the store that the model knows of.
        """
        self._store.write_history(change, _to_content(row))
        self._taught = change
        self.history.append(row)


def _to_content(row):
    content = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in row.items()
    }
    if "label_counts" in row:  # classes may be numbers, and JSON has no such keys
        content["label_counts"] = list(row["label_counts"].items())
    return content


def _from_content(content):
    row = dict(content)
    if "label_counts" in row:
        row["label_counts"] = dict(row["label_counts"])
    return row
