"""What a pool strategy may choose from."""

import numpy as np

from skgal.utils import as_pool, gives_blocks, is_missing


class Candidates:
    """Some rows of a pool, taken a block at a time so that it is never copied whole.

    Parameters
    ----------
    rows : Pool, or what :func:`skgal.utils.as_pool` takes
    positions : ndarray of int
        Which of the rows are candidates; none twice.
    is_foreign : bool, default=False
        Whether the rows are samples that the user gave as candidates, rather than the pool.

    Attributes
    ----------
    rows : Pool
    positions : ndarray of int
        In ascending order, that of all that is said about the candidates.
    is_foreign : bool
    """

    def __init__(self, rows, positions, is_foreign=False):
        self.rows = as_pool(rows)
        self.is_foreign = is_foreign
        self.positions = np.sort(positions, kind="stable")  # linear in what is sorted already

    def __len__(self):
        return len(self.positions)

    def blocks(self):
        """Iterate over the candidates, as containers of several rows each."""
        return self.rows.blocks(self._wanted)

    def map(self, function):
        """Apply a function to each block of candidates, where it lies; see :class:`Pool`."""
        return self.rows.map(function, self._wanted)

    def scatter(self, values):
        """Return one value a row, NaN for those that are no candidates."""
        scattered = np.full(self.rows.shape[0], np.nan)
        scattered[self.positions] = values
        return scattered

    @property
    def _wanted(self):
        return None if len(self) == self.rows.n_samples else self.positions


def find_candidates(X, y, candidates, missing_label):
    """Turn the ``candidates`` argument of ``query`` into what may be chosen.

    Parameters
    ----------
    X : array, DataFrame or Pool of n_samples rows
    y : array-like of shape (n_samples,)
    candidates : None, array-like of int, or array, DataFrame or Pool of samples
    missing_label : scalar

    Returns
    -------
    Candidates
        At least one, and never a labelled row of X.
    """
    if candidates is None:
        return Candidates(X, _unlabelled(np.arange(X.shape[0]), y, missing_label))
    if gives_blocks(candidates):
        candidates = as_pool(candidates)
    elif not hasattr(candidates, "shape"):
        candidates = np.asarray(candidates)
    if 0 in candidates.shape[:1]:
        raise ValueError("candidates is empty; pass what may be chosen, or None for all of X.")
    if len(candidates.shape) == 1:
        positions = _check_positions(np.asarray(candidates), X.shape[0])
        return Candidates(X, _unlabelled(positions, y, missing_label))
    if tuple(candidates.shape[1:]) != tuple(X.shape[1:]):
        raise ValueError(
            f"Each sample of candidates has shape {tuple(candidates.shape[1:])}, but those of X "
            f"have {tuple(X.shape[1:])}; candidates must be positions in X or samples like its."
        )
    return Candidates(candidates, np.arange(candidates.shape[0]), is_foreign=True)


def _unlabelled(positions, y, missing_label):
    if len(positions) == 0:
        raise ValueError("The pool is empty: X has no samples.")
    unlabelled = positions[is_missing(y, missing_label)[positions]]
    if len(unlabelled) == 0:
        raise ValueError(
            f"All {len(positions)} candidates are labelled already; there is nothing to choose. "
            f"(missing_label={missing_label!r} stands for no label.)"
        )
    return unlabelled


def _check_positions(positions, n_samples):
    if positions.dtype.kind not in "iu":
        raise ValueError(
            "candidates must be integer positions in X or an array of samples, got a 1-D array "
            f"of dtype {positions.dtype}; np.flatnonzero turns a mask into positions."
        )
    if positions.min() < 0 or positions.max() >= n_samples:
        raise ValueError(
            f"candidates must be positions from 0 to {n_samples - 1}, got values from "
            f"{positions.min()} to {positions.max()}."
        )
    if len(np.unique(positions)) < len(positions):
        raise ValueError("candidates names a position of X more than once.")
    return positions
