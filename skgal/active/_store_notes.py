"""What a store keeps beside the records: notes about the session and its rounds."""

import json
from datetime import datetime

import numpy as np

from skgal.active._store_file import corrupt


class StoreNotesMixin:
    """The methods of a store about the session as a whole.

    A class that inherits has ``path``, and context managers ``_reading()`` and ``_writing()``
    that give a connection.
    """

    @property
    def classes(self):
        """Classes known so far, as a list; None where labels are numbers, or unknown."""
        return self.read_meta("classes")

    @classes.setter
    def classes(self, classes):
        self.write_meta("classes", None if classes is None else np.asarray(classes).tolist())

    def read_meta(self, key):
        """Read a note about the session.

        Parameters
        ----------
        key : str

        Returns
        -------
        object or None
            What was written under the key; None if nothing was.
        """
        with self._reading() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._from_json(row[0])

    def read_history(self):
        """Read what was written about each round.

        Returns
        -------
        list of tuple (event, content)
            The id of the last event that the round knew of, and an object.
        """
        with self._reading() as connection:
            rows = connection.execute("SELECT event, content FROM history ORDER BY id").fetchall()
        return [(event, self._from_json(content)) for event, content in rows]

    def read_notes(self, since):
        """Read what learners noted about the batches they asked for after an event.

        Parameters
        ----------
        since : int
            The id of the event.

        Returns
        -------
        list of dict
        """
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT notes FROM queries WHERE round IS NOT NULL AND id IN"
                " (SELECT query FROM samples JOIN events ON events.sample = samples.id"
                " WHERE kind = 'asked' AND events.id > ?) ORDER BY id",
                (since,),
            ).fetchall()
        return [self._from_json(notes) for (notes,) in rows]

    def first_asked_at(self):
        """Tell when a learner first asked for samples; imported labels don't count.

        Returns
        -------
        datetime or None
            In UTC; None if no learner has asked yet.
        """
        with self._reading() as connection:
            row = connection.execute(
                "SELECT at FROM queries WHERE round IS NOT NULL ORDER BY id LIMIT 1"
            ).fetchone()
        return None if row is None else datetime.fromisoformat(row[0])

    def sum_seconds(self, since):
        """Sum up how long the answers after an event took.

        Parameters
        ----------
        since : int
            The id of the event.

        Returns
        -------
        float
        """
        with self._reading() as connection:
            return connection.execute(
                "SELECT coalesce(sum(seconds), 0.0) FROM events WHERE id > ?", (since,)
            ).fetchone()[0]

    def settle(self, key, value):
        """Write a note about the session, unless there is one under that key.

        Parameters
        ----------
        key : str
        value : object
            Anything that JSON can hold.

        Returns
        -------
        object
            The note that holds from now on.
        """
        with self._writing() as connection:
            connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, json.dumps(value)))
            return self.read_meta(key)

    def write_meta(self, key, value):
        """Write a note about the session over the one before.

        Parameters
        ----------
        key : str
        value : object
            Anything that JSON can hold.
        """
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = ?2",
                (key, json.dumps(value)),
            )

    def write_history(self, event, content):
        """Write an entry about a round.

        Parameters
        ----------
        event : int
            The last event that the round knew of.
        content : object
            Anything that JSON can hold.
        """
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO history (event, content) VALUES (?, ?)", (event, json.dumps(content))
            )

    def _from_json(self, text):
        try:
            return json.loads(text)
        except ValueError as error:
            raise corrupt(self.path, "a note about the session can't be read") from error
