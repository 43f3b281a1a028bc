"""From what a strategy is shown to what it asks for."""

import numpy as np

from skgal.active._labels import code_missing
from skgal.active._record import SYNTHETIC, Query
from skgal.utils import concat_rows, take_rows


def samples_at_hand(X, labelled):
    """Put the synthetic samples below the real ones, and labels beside both.

    Parameters
    ----------
    X : array, sparse matrix or DataFrame of n_samples rows
    labelled : LabelledSet

    Returns
    -------
    X : the same kind of container, of n_samples + n_synthetic rows
    y : ndarray of shape (n_samples + n_synthetic,)
        NaN where there is no label.
    """
    n_samples = X.shape[0]
    synthetic = np.flatnonzero(labelled.is_synthetic)
    positions = labelled.indices.copy()
    positions[synthetic] = n_samples + np.arange(len(synthetic))
    y = code_missing(labelled.y, positions, n_samples + len(synthetic))
    if len(synthetic):
        X = concat_rows(X, take_rows(labelled.X, synthetic))
    return X, y


def choose(strategy, X, y, model, candidates, n_wanted):
    """Let a strategy choose samples of the pool.

    Parameters
    ----------
    strategy : PoolStrategy
    X, y : samples and labels as :func:`samples_at_hand` gives them
    model : fitted estimator
    candidates : ndarray of int
        What may be chosen.
    n_wanted : int

    Returns
    -------
    Query

    Raises
    ------
    ValueError
        If the strategy chooses nothing, too much, or what is no candidate.
    """
    indices = np.asarray(strategy.query(X, y, model, candidates=candidates, batch_size=n_wanted))
    _check_count(strategy, len(indices), n_wanted)
    if len(np.unique(indices)) < len(indices) or not np.isin(indices, candidates).all():
        raise ValueError(
            f"{type(strategy).__name__}.query must choose different samples among the "
            f"candidates; it chose {indices.tolist()}."
        )
    return Query(take_rows(X, indices), indices)


def synthesize(strategy, X, y, model, n_wanted):
    """Let a strategy design samples.

    Parameters
    ----------
    strategy : SynthesisStrategy
    X, y : samples and labels as :func:`samples_at_hand` gives them
    model : fitted estimator
    n_wanted : int

    Returns
    -------
    Query

    Raises
    ------
    ValueError
        If the strategy designs nothing, too much, samples of another shape, container or
        columns than those of X, or not one latent point for each.
    """
    synthesis = strategy.synthesize(X, y, model, batch_size=n_wanted)
    n_designed = synthesis.X.shape[0]
    _check_count(strategy, n_designed, n_wanted)
    _check_stackable(strategy, X, synthesis.X)
    latent = np.asarray(synthesis.latent)
    if latent.ndim != 2 or len(latent) != n_designed:
        raise ValueError(
            f"{type(strategy).__name__}.synthesize must give a latent point for each of the "
            f"{n_designed} samples it designed; it gave an array of shape {latent.shape}."
        )
    details = getattr(synthesis, "details", None)
    return Query(synthesis.X, np.full(n_designed, SYNTHETIC), latent, details)


def _check_stackable(strategy, X, designed):
    """Try, on no rows at all, what the record will do once the labels are paid for."""
    try:
        concat_rows(take_rows(X, []), take_rows(designed, []))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{type(strategy).__name__}.synthesize must design samples like those of X. {error}"
        ) from error


def _check_count(strategy, n_chosen, n_wanted):
    if not 1 <= n_chosen <= n_wanted:
        raise ValueError(
            f"{type(strategy).__name__} was to propose {n_wanted} samples, or fewer but at least "
            f"one; it proposed {n_chosen}."
        )
