"""A store's records for other programs: pandas, CSV, Parquet."""

import json
from collections.abc import Mapping

from skgal.active._store_labels import Record

COLUMNS = [name for name in Record._fields if name != "X"]


class StoreExportMixin:
    """The methods of a store that write its records elsewhere.

    A class that inherits has a method ``records(samples=)``.
    """

    def to_frame(self):
        """Make a table of what was asked and answered, without the samples themselves.

        Returns
        -------
        pandas.DataFrame
            One row for each sample, columns as in :class:`Record` but ``X``; soft labels and
            beliefs as dicts, latent points as arrays.
        """
        import pandas as pd

        rows = [record._asdict() for record in self.records(samples=False)]
        frame = pd.DataFrame(rows, columns=COLUMNS)
        # Whole numbers stay such where some are missing.
        return frame.astype({"id": "int64", "index": "Int64", "round": "Int64"})

    def to_csv(self, path):
        """Write the table of :meth:`to_frame` as CSV, what is no scalar as JSON.

        Parameters
        ----------
        path : str or path-like
        """
        self._plain_frame().to_csv(path, index=False)

    def to_parquet(self, path):
        """Write the table of :meth:`to_frame` as Parquet, what is no scalar as JSON.

        Labels are JSON as well, since a column of Parquet has one type.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        ImportError
            If neither pyarrow nor fastparquet is installed.
        """
        frame = self._plain_frame()
        for column in ("label", "belief"):
            frame[column] = [_to_json(value) for value in self.to_frame()[column]]
        frame.to_parquet(path, index=False)

    def _plain_frame(self):
        frame = self.to_frame()
        for column in ("latent", "belief", "details", "label"):
            frame[column] = [_to_plain(value) for value in frame[column]]
        return frame


def _to_plain(value):
    return (
        value if value is None or isinstance(value, str | bool | int | float) else _to_json(value)
    )


def _to_json(value):
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, Mapping):
        value = {str(name): share for name, share in value.items()}
    return json.dumps(value, default=lambda array: array.tolist())
