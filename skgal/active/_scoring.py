"""What else a round's model is scored by, besides its own score."""

from sklearn.metrics import check_scoring

# What the entries of ``history_`` hold anyway.
_TAKEN = {
    "n_labels",
    "n_bought",
    "score",
    "seconds_fit",
    "seconds_query",
    "seconds_oracle",
    "mean_entropy",
    "label_counts",
}


def measure(scoring, learner, X, y):
    """Score a fitted learner by several measures.

    Parameters
    ----------
    scoring : str, list of str, dict from str to str or callable, or callable
        As scikit-learn's searches take several measures; a callable ``scoring(learner, X, y)``
        returns a dict from names to numbers.
    learner : ActiveLearner
    X : array-like of n_samples samples
    y : array-like of shape (n_samples,)

    Returns
    -------
    dict of str to float

    Raises
    ------
    ValueError
        If a callable returns no dict, or a measure is called what ``history_`` has already.
    """
    if isinstance(scoring, str):
        scoring = [scoring]
    scores = check_scoring(learner, scoring=scoring)(learner, X, y)
    if not isinstance(scores, dict):
        raise ValueError(
            f"scoring must return a dict from names to numbers, got {scores!r}; pass "
            '{"name": scorer} for a scorer that returns one number.'
        )
    if taken := sorted(_TAKEN & set(scores)):
        raise ValueError(
            f"scoring gives the measures {taken}, and history_ has columns of these names; choose "
            "others."
        )
    return {name: float(score) for name, score in scores.items()}
