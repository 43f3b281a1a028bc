"""What every strategy must beat: random choice from a pool, even designs of a latent space."""

import numpy as np
from scipy.stats import qmc
from sklearn.utils.validation import check_is_fitted

from skgal.base import Synthesis, SynthesisStrategy
from skgal.query._base import (
    GeneratorStrategy,
    RankingStrategy,
    check_batch_size,
    check_pool_and_labels,
)
from skgal.query._latent import INSIDE, are_first, design_rows, quantiles
from skgal.utils import StrOptions, as_random_state, draw_seed

_MOST_POINTS = 2**20
# As many points for each that is wanted are drawn to find new designs.
_MOST_REPEATS = 32


class RandomSampling(RankingStrategy):
    """Choose samples of a pool at random.

    What any other strategy has to beat, and often the right first choice: the labels are a fair
    sample.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Decides the order in which a pool is labelled. With an integer it is one order, so
        round after round goes on where the last one ended.

    See Also
    --------
    LatentRandom : From a generator.
    UncertaintySampling : What has to be better.

    Notes
    -----
    ``query`` looks at neither the samples nor the model, so ``clf`` may be None. All
    utilities are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.query import RandomSampling
    >>> X = np.arange(10).reshape(5, 2)
    >>> y = [0, np.nan, np.nan, 1, np.nan]
    >>> sorted(RandomSampling(random_state=0).query(X, y, None, batch_size=3).tolist())
    [1, 2, 4]
    """

    def compute_utilities(self, X, y, clf, candidates):
        """Rate all alike, so that ``random_state`` decides."""
        return [np.zeros(len(candidates))]


class SpaceFilling(GeneratorStrategy, SynthesisStrategy):
    """Spread designs evenly over the latent space, whatever the model says.

    In a :class:`~skgal.generators.DesignBox` that is an even design of the box itself. The
    batches of a learner continue one sequence: what was asked about earlier, failed or not, is
    not repeated, and the gaps between it are filled.

    Parameters
    ----------
    method : {"sobol", "halton", "latin"}, default="sobol"
        A scrambled Sobol or Halton sequence; or a Latin hypercube for each batch, which is even by
        itself but keeps no distance from the earlier ones.
    random_state : int, RandomState instance or None, default=None
        Scrambles the sequence, and seeds the generator if that has no seed of its own.

    See Also
    --------
    LatentRandom : At random.
    skgal.generators.DesignBox : Where designs are free.

    Notes
    -----
    ``synthesize`` doesn't look at the model, so ``clf`` may be None. Of a box with constraints it
    takes the first points that satisfy them: of the sequence, or of a larger Latin hypercube.

    References
    ----------
    Owen, Scrambling Sobol' and Niederreiter-Xing points, Journal of Complexity 14, 1998. McKay,
    Beckman and Conover, A comparison of three methods for selecting values of input variables,
    Technometrics 21, 1979.

    Examples
    --------
    >>> from skgal.datasets import make_reactor
    >>> from skgal.generators import DesignBox
    >>> from skgal.query import SpaceFilling
    >>> reactors = make_reactor(random_state=0)
    >>> strategy = SpaceFilling(DesignBox(), random_state=0).fit(reactors.X)
    >>> designs = strategy.synthesize(reactors.X, reactors.y, None, batch_size=8).X
    >>> reactors.oracle(designs).shape
    (8,)
    """

    _parameter_constraints = {
        **GeneratorStrategy._parameter_constraints,
        "method": [StrOptions({"sobol", "halton", "latin"})],
    }

    def __init__(self, generator, *, method="sobol", random_state=None):
        self.generator = generator
        self.method = method
        self.random_state = random_state

    def _prepare(self, X, y):
        self._n_given = len(X)
        self._sequence_seed = draw_seed(as_random_state(self.random_state))

    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        """Design the next samples of the sequence.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            The given samples, then earlier synthetic ones.
        y : array-like of shape (n_samples,)
            Labels; not looked at.
        clf : estimator or None
            Not looked at.
        batch_size : int, default=1
            How many samples to design.
        asked : Asked or None, default=None
            All designed samples asked about so far: the sequence goes on after as many. None
            counts the rows by which X has grown since ``fit``.

        Returns
        -------
        Synthesis
            ``X``, laid out as the generator's training data, and ``latent``.

        Raises
        ------
        ValueError
            If the samples of X have another shape than those that the generator makes, or next to
            none of the sequence satisfy the generator's constraints.
        sklearn.exceptions.NotFittedError
            If the strategy isn't fitted.
        """
        check_is_fitted(self)
        self._validate_params()
        check_batch_size(batch_size)
        X = check_pool_and_labels(X, y)
        self._check_sample_shape(X)
        n_before = max(X.shape[0] - self._n_given, 0) if asked is None else len(asked.latent)
        if self.method == "latin":
            known = [] if asked is None else asked.latent[~np.isnan(asked.latent).any(axis=1)]
            latent = self._first_feasible(batch_size, self._hypercube, n_before, known=known)
        else:
            n_points = n_before + batch_size
            latent = self._first_feasible(n_points, self._sequence)[n_before:]
        return Synthesis(self.generator_.generate(latent), latent)

    def _first_feasible(self, n_points, draw, *args, known=()):
        """Return the first points that satisfy the generator's constraints, each a new design."""
        is_feasible = getattr(self.generator_, "is_feasible", None)
        n_drawn = n_points
        while True:
            latent = quantiles(self.generator_.latent_distribution_, draw(n_drawn, *args))
            if is_feasible is not None:
                feasible = is_feasible(latent)
                latent = latent if feasible.all() else latent[feasible]
            designs = design_rows(self.generator_, latent)
            is_new = np.ones(len(latent), dtype=bool)
            if designs is not None:
                known_designs = [design_rows(self.generator_, known)] if len(known) else []
                is_new = are_first(designs, known_designs)
            if not is_new.all():
                latent = np.concatenate([latent[is_new], latent[~is_new]])
            # A box of few designs, of integers and categories only, may have no more new ones.
            has_all = n_drawn >= _MOST_REPEATS * n_points
            if len(latent) >= n_points and (has_all or is_new.sum() >= n_points):
                return latent[:n_points]
            if n_drawn >= _MOST_POINTS:
                raise ValueError(
                    f"Of {n_drawn} points {len(latent)} satisfy the constraints, {n_points} are "
                    "needed; narrow the generator's bounds."
                )
            n_drawn *= 2

    def _hypercube(self, n_points, n_before):
        seed = np.random.default_rng([self._sequence_seed, n_before])
        return qmc.LatinHypercube(self.generator_.latent_dim_, seed=seed).random(n_points)

    def _sequence(self, n_points):
        dim, seed = self.generator_.latent_dim_, np.random.default_rng(self._sequence_seed)
        if self.method == "halton":
            return qmc.Halton(dim, seed=seed).random(n_points)
        # It warns of any number of points but a power of two.
        n_doublings = int(n_points - 1).bit_length()
        points = qmc.Sobol(dim, seed=seed).random_base2(n_doublings)[:n_points]
        points += INSIDE
        return points
