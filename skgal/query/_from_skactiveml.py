"""scikit-activeml's strategies with skgal's interface."""

import inspect

import numpy as np
from sklearn.base import clone, is_regressor
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skgal.query._base import BatchStrategy
from skgal.utils import (
    HasMethods,
    as_label_array,
    as_pool,
    as_random_state,
    draw_seed,
    is_missing,
    observed_labels,
    seeded_nets,
)

# The arguments by which a strategy gets the model, and those by which it is told to train it.
_MODEL_ARGUMENTS = {"clf": "fit_clf", "reg": "fit_reg"}


class FromSkactiveml(BatchStrategy):
    """Wrap a pool strategy of scikit-activeml as one of skgal's.

    scikit-activeml's strategies want classifiers of its own kind, labels of one type and rows
    of numbers. Here they are asked with any fitted model, which they read as it is, without
    training it once more; with images, which they see flattened and the model does not; and
    with labels of any kind.

    Parameters
    ----------
    strategy : strategy of ``skactiveml.pool``
        Cloned for each query. One that trains the model on labels that it supposes, such as
        expected error reduction, needs ``refit=True``.
    refit : bool, default=False
        Let the strategy train the model itself: a clone, on the labels that it is given.
    query_params : dict, default=None
        Further arguments of its ``query``, such as the ``ensemble`` of a committee or the
        ``discriminator`` of discriminative active learning, which skgal cannot know.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y. The strategy sees nan.
    random_state : int, RandomState instance or None, default=None
        Seeds the strategy if it has no seed of its own.

    See Also
    --------
    RankingStrategy : A strategy of your own.
    skgal.active.compare_strategies : Compares both libraries' strategies.

    Notes
    -----
    Of the utilities that a strategy gives for each choice of a batch, the first choice's are
    returned. The whole pool is in memory. A few strategies draw from NumPy's global random
    state whatever their seed is; ``GreedySamplingTarget`` is one.

    Examples
    --------
    >>> import numpy as np
    >>> from skactiveml.pool import UncertaintySampling
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.query import FromSkactiveml
    >>> X = np.array([[0.0], [1.0], [4.0], [5.2], [9.0], [10.0]])
    >>> y = np.array([0, np.nan, np.nan, np.nan, np.nan, 1])
    >>> clf = LogisticRegression().fit(X[[0, 5]], [0, 1])
    >>> FromSkactiveml(UncertaintySampling("entropy")).query(X, y, clf, batch_size=2).tolist()
    [3, 2]
    """

    _parameter_constraints = {
        **BatchStrategy._parameter_constraints,
        "strategy": [HasMethods(["query"])],
        "refit": ["boolean"],
        "query_params": [dict, None],
    }

    def __init__(
        self, strategy, *, refit=False, query_params=None, missing_label=np.nan, random_state=None
    ):
        self.strategy = strategy
        self.refit = refit
        self.query_params = query_params
        self.missing_label = missing_label
        self.random_state = random_state

    def choose(self, X, y, clf, candidates, batch_size):
        """Have the strategy of scikit-activeml choose."""
        allowed = _as_rows(candidates.rows) if candidates.is_foreign else candidates.positions
        with seeded_nets(clf):
            chosen, utilities = self._seeded_strategy().query(
                X=_as_rows(X),
                y=_as_codes(y, clf, self.missing_label),
                candidates=allowed,
                batch_size=int(batch_size),
                return_utilities=True,
                **self._model_arguments(X, clf),
                **(self.query_params or {}),
            )
        return np.asarray(chosen), np.atleast_2d(utilities)[0][candidates.positions]

    def _seeded_strategy(self):
        strategy = clone(self.strategy).set_params(missing_label=np.nan)
        if strategy.random_state is None:  # which would be NumPy's global one
            strategy.set_params(random_state=draw_seed(as_random_state(self.random_state)))
        return strategy

    def _model_arguments(self, X, clf):
        """Give the strategy the model, in a form that it takes, if it asks for one."""
        wanted = inspect.signature(self.strategy.query).parameters
        given = {"X", "y", "candidates", "batch_size", "return_utilities"}
        given.update(self.query_params or {})
        required = {
            name for name, parameter in wanted.items() if parameter.default is parameter.empty
        }
        arguments = {}
        for name in sorted((required - given) & set(_MODEL_ARGUMENTS)):
            check_is_fitted(clf)
            # Not at the top: scikit-activeml is optional.
            from skgal.query._skactiveml_models import as_skactiveml_model, needs_refit

            if "ignore_partial_fit" in wanted and not self.refit:
                raise needs_refit()
            like = next(as_pool(X).blocks())[:1]
            arguments[name] = as_skactiveml_model(clf, like, self.refit)
            if _MODEL_ARGUMENTS[name] in wanted:
                arguments[_MODEL_ARGUMENTS[name]] = self.refit
        unknown = sorted(required - given - set(arguments))
        if unknown:
            raise TypeError(
                f"{type(self.strategy).__name__}.query needs {unknown}, which skgal can't supply: "
                "pass them in query_params."
            )
        return arguments


def _as_rows(X):
    rows = np.concatenate([check_array(block, allow_nd=True) for block in as_pool(X).blocks()])
    return rows.reshape(len(rows), -1)


def _as_codes(y, clf, missing_label):
    """Number the classes, in the model's order if it knows them; leave regressors' numbers."""
    y = as_label_array(y)
    known = ~is_missing(y, missing_label)
    codes = np.full(len(y), np.nan)
    labels = observed_labels(y[known])
    if labels.ndim == 2:  # class probabilities
        codes[known] = labels.argmax(axis=1)
    elif clf is not None and is_regressor(clf):
        codes[known] = labels
    else:
        classes = getattr(clf, "classes_", labels)
        if not np.isin(labels, classes).all():
            classes = labels  # a net numbers its outputs in this order
        codes[known] = np.searchsorted(np.unique(classes), labels)
    return codes
