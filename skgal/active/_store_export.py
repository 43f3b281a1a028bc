"""A store's records for other programs: pandas, CSV, Parquet."""

import json
from collections.abc import Mapping

from scipy import sparse

from skgal.active._store_labels import Record

COLUMNS = [name for name in Record._fields if name != "X"]

DTYPES = {
    "id": "int64",
    "index": "Int64",
    "round": "Int64",
    "asked_at": "datetime64[us, UTC]",
    "answered_at": "datetime64[us, UTC]",
    "seconds": "float64",
}
"""Of columns that hold one type; whole numbers stay such where some are missing."""

NESTED = {"X", "latent", "belief", "details", "label", "answer_details"}
"""Columns that may hold what is no scalar."""


class StoreExportMixin:
    """The methods of a store that write its records elsewhere.

    A class that inherits has a method ``records(samples=)``.
    """

    def to_frame(self, *, samples=False):
        """Make a table of what was asked and answered.

        Parameters
        ----------
        samples : bool, default=False
            Whether to add a column ``X`` with the samples themselves, which may be large.

        Returns
        -------
        pandas.DataFrame
            One row for each sample, columns as in :class:`Record`; soft labels and beliefs as
            dicts, latent points as arrays.
        """
        import pandas as pd

        records = [record._asdict() for record in self.records(samples=samples)]
        columns = [*COLUMNS, "X"] if samples else COLUMNS
        # As objects: a class that is a whole number stays one where other labels are missing.
        content = {
            name: pd.Series([record[name] for record in records], dtype=DTYPES.get(name, object))
            for name in columns
        }
        return pd.DataFrame(content)

    def to_csv(self, path, *, samples=False):
        """Write the table of :meth:`to_frame` as CSV, what is no scalar as JSON.

        Parameters
        ----------
        path : str or path-like
        samples : bool, default=False
            As in :meth:`to_frame`.
        """
        self._plain_frame(samples).to_csv(path, index=False)

    def to_parquet(self, path, *, samples=False):
        """Write the table of :meth:`to_frame` as Parquet, what is no scalar as JSON.

        Labels are JSON as well, since a column of Parquet has one type.

        Parameters
        ----------
        path : str or path-like
        samples : bool, default=False
            As in :meth:`to_frame`.

        Raises
        ------
        ImportError
            If neither pyarrow nor fastparquet is installed.
        """
        frame = self.to_frame(samples=samples)
        for column in NESTED.intersection(frame):
            frame[column] = [_to_json(value) for value in frame[column]]
        frame.to_parquet(path, index=False)

    def _plain_frame(self, samples):
        import pandas as pd

        frame = self.to_frame(samples=samples)
        for column in NESTED.intersection(frame):
            frame[column] = pd.Series([_to_plain(value) for value in frame[column]], dtype=object)
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
    return json.dumps(value, default=_to_list)


def _to_list(array):
    return (array.toarray()[0] if sparse.issparse(array) else array).tolist()
