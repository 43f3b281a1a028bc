"""The contracts of strategies: choose samples of a pool, or synthesise new ones."""

from abc import ABCMeta, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skgal.base._documented import DocumentedMixin
from skgal.utils import validate_pool


class Synthesis(NamedTuple):
    """Samples that a strategy designed, waiting for their labels.

    A strategy that designs returns one instead of positions, since its samples are in no pool.

    Parameters
    ----------
    X : array or DataFrame of shape (batch_size, n_features) or (batch_size, c, h, w)
        The samples, in the layout of the training data.
    latent : ndarray of shape (batch_size, latent_dim)
        The latent points they were generated from.
    line : ndarray of shape (batch_size,), dtype int, or None, default=None
        Of samples that lie on lines of the latent space, the line of each, counted from 0.
    position : ndarray of shape (batch_size,) or None, default=None
        Of such samples, how far along its line each lies; ascending within a line.

    See Also
    --------
    SynthesisStrategy : Returns one.
    Asked : Those of a whole session.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.base import Synthesis
    >>> synthesis = Synthesis(
    ...     np.eye(2), np.zeros((2, 1)), line=np.array([0, 0]), position=[0.2, 0.8]
    ... )
    >>> synthesis.details
    [{'line': 0, 'position': 0.2}, {'line': 0, 'position': 0.8}]
    """

    X: Any
    latent: np.ndarray
    line: np.ndarray | None = None
    position: np.ndarray | None = None

    def __repr__(self):
        n_lines = "" if self.line is None else f", on {len(np.unique(self.line))} lines"
        return f"<Synthesis: X of shape {tuple(self.X.shape)}{n_lines}>"

    @property
    def details(self):
        """What the record of each sample keeps of its line: a dict; None without lines."""
        if self.line is None:
            return None
        pairs = zip(np.asarray(self.line).tolist(), np.asarray(self.position).tolist(), strict=True)
        return [{"line": line, "position": position} for line, position in pairs]


class Asked(NamedTuple):
    """All designed samples that were asked about, answered or not.

    A new design keeps away from all of them; where asking has failed or was declined, it is likely
    to fail again.

    Parameters
    ----------
    X : array or DataFrame of shape (n_asked, n_features) or (n_asked, c, h, w)
        The samples, in the order of asking.
    latent : ndarray of shape (n_asked, latent_dim)
        The latent points they were generated from.
    succeeded : ndarray of shape (n_asked,), dtype float64
        1 for a sample that got its label, 0 for one that was declined or failed, NaN for one that
        is pending or was withdrawn.

    See Also
    --------
    SynthesisStrategy : Gets it as ``asked``.
    Synthesis : What a strategy answers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.base import Asked
    >>> from skgal.generators import DesignBox
    >>> from skgal.query import AISEL
    >>> X, y = load_iris(return_X_y=True)
    >>> strategy = AISEL(DesignBox(), n_candidates=200, random_state=0).fit(X)
    >>> model = GaussianNB().fit(X, y)
    >>> first = strategy.synthesize(X, y, model, batch_size=4)
    >>> asked = Asked(first.X, first.latent, np.array([1.0, 1.0, 0.0, np.nan]))
    >>> strategy.synthesize(X, y, model, batch_size=2, asked=asked).X.shape
    (2, 4)
    """

    X: Any
    latent: np.ndarray
    succeeded: np.ndarray

    def __repr__(self):
        n_succeeded = np.count_nonzero(self.succeeded == 1)
        return f"<Asked: X of shape {tuple(self.X.shape)}, {n_succeeded} succeeded>"


class BaseStrategy(DocumentedMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of every strategy: it holds configuration; what it learns of X ends in ``_``.

    With an integer ``random_state`` the same question gets the same answer. Rounds of active
    learning differ because X or y have grown by the labels of the last one, so a strategy
    keeps no count of them, and any round can be repeated.

    Attributes
    ----------
    n_features_in_ : int
        Number of features (of channels, for images) seen by ``fit``.
    feature_names_in_ : ndarray of str
        Names of the features, where X is a DataFrame with names.

    See Also
    --------
    PoolStrategy : Chooses samples.
    SynthesisStrategy : Designs samples.

    Examples
    --------
    >>> from sklearn.base import clone
    >>> from skgal.base import BaseStrategy
    >>> from skgal.query import AISEL, UncertaintySampling
    >>> issubclass(UncertaintySampling, BaseStrategy), issubclass(AISEL, BaseStrategy)
    (True, True)
    >>> strategy = UncertaintySampling("entropy").fit([[0.0, 1.0], [2.0, 3.0]])
    >>> strategy.n_features_in_, clone(strategy)
    (2, UncertaintySampling(measure='entropy'))
    """

    _parameter_constraints: dict = {}

    def fit(self, X, y=None):
        """Do the work that is needed once for these samples; here they are checked only.

        Values are not checked, since the model decides which it accepts: NaN and strings pass.
        DataFrames, sparse matrices and arrays that aren't NumPy's are not read at all, since that
        would copy them; of an iterable of blocks, only the first is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            All available samples, labelled or not: whatever :func:`skgal.utils.as_pool` takes.
        y : array-like of shape (n_samples,), default=None
            Labels, missing ones included; most strategies don't need them.

        Returns
        -------
        self
            The strategy.

        Raises
        ------
        ValueError
            If X is empty, or an array that is complex or has one dimension only.
        TypeError
            If X is an iterator, which gives its blocks only once.
        """
        validate_pool(self, X)
        return self

    def check_model(self, clf, X):
        """Refuse a model from which the strategy can't read what it needs; here any will do.

        A learner calls it with its first model, before ``fit``, which may take hours.

        Parameters
        ----------
        clf : fitted estimator
            The model that will learn from the labels.
        X : array-like of n_samples samples
            A few of those that it was fitted to, to try it on.

        Raises
        ------
        TypeError, ValueError
            What asking for samples with this model would raise.
        """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        return tags


class PoolStrategy(BaseStrategy):
    """Base of strategies that choose which samples of a pool to label next.

    The learner needs ``query`` only; :class:`skgal.query.RankingStrategy` has the rest for
    strategies that rank.

    See Also
    --------
    SynthesisStrategy : Designs samples instead.
    skgal.query.RankingStrategy : Does all but the ranking.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.base import PoolStrategy
    >>> class First(PoolStrategy):
    ...     def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
    ...         unlabelled = np.flatnonzero(np.isnan(y))
    ...         return unlabelled[:batch_size]
    >>> First().query(np.eye(4), np.array([0.0, np.nan, 1.0, np.nan]), None, batch_size=2)
    array([1, 3])
    """

    @abstractmethod
    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        """Choose samples to label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            The pool, labelled samples included.
        y : array-like of shape (n_samples,)
            Labels, missing ones included.
        clf : estimator
            The model that will learn from the labels, fitted on those that are known.
        candidates : None, array-like of int, or array-like of samples, default=None
            What may be chosen: the unlabelled samples of X; those at these positions of X;
            or these samples, which need not be in X.
        batch_size : int, default=1
            How many samples to choose.
        return_utilities : bool, default=False
            Also return the utility of each candidate.

        Returns
        -------
        indices : ndarray of shape (batch_size,), dtype int
            Positions in X, or in ``candidates`` where those are samples; best first.
        utilities : ndarray of shape (n_samples,) or (n_candidates,)
            Only with ``return_utilities``; NaN for samples that were no candidates.
        """


class SynthesisStrategy(BaseStrategy):
    """Base of strategies that design new samples to be labelled.

    The oracle must be able to answer about any sample: a simulator can, a person often cannot.

    See Also
    --------
    PoolStrategy : Chooses samples instead.
    Synthesis : What is returned.

    Examples
    --------
    >>> from skgal.base import Synthesis, SynthesisStrategy
    >>> from skgal.generators import DesignBox
    >>> class Uniform(SynthesisStrategy):
    ...     def __init__(self, generator):
    ...         self.generator = generator
    ...
    ...     def fit(self, X, y=None):
    ...         self.generator.fit(X)
    ...         return self
    ...
    ...     def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
    ...         latent = self.generator.sample_latent(batch_size)
    ...         return Synthesis(self.generator.generate(latent), latent)
    >>> strategy = Uniform(DesignBox(random_state=0)).fit([[0.0, 1.0], [2.0, 3.0]])
    >>> strategy.synthesize(None, None, None, batch_size=3).X.shape
    (3, 2)
    """

    @abstractmethod
    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        """Design samples to label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            The available samples, earlier synthetic ones included.
        y : array-like of shape (n_samples,)
            Labels, missing ones included.
        clf : estimator
            The model that will learn from the labels, fitted on those that are known.
        batch_size : int, default=1
            How many samples to design.
        asked : Asked or None, default=None
            All designed samples asked about so far, those that failed, were declined or still
            wait for their label included: what to keep away from.

        Returns
        -------
        Synthesis
            The designed samples, with their latent points.
        """
