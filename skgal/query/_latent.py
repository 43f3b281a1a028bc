"""What strategies that design samples in a generator's latent space have in common."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skgal.base import Synthesis, SynthesisStrategy
from skgal.exceptions import UniformUncertaintyWarning
from skgal.query._checks import check_batch_size, check_samples
from skgal.query._generator import GeneratorStrategy
from skgal.query._latent_points import latent_points, resolve_kind
from skgal.query._measures import uncertainty, uncertainty_rater
from skgal.utils import as_random_state, draw_seed, row_blocks


class LatentStrategy(GeneratorStrategy, SynthesisStrategy):
    """Base of strategies that choose latent points and generate the samples there.

    A subclass has the parameters ``generator`` and ``random_state`` and implements
    :meth:`_design`, or :meth:`_synthesize` if it has more to say of its samples.
    """

    def _design(self, X, y, clf, batch_size, rng):
        """Choose latent points: an array of shape (batch_size, latent_dim)."""
        raise NotImplementedError

    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        """Design samples to label.

        With an integer ``random_state`` the same arguments give the same samples; in the next
        round X has grown by those that got their labels, and other samples are drawn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            The samples at hand, earlier synthetic ones included.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels or class probabilities, missing where nobody has given any.
        clf : estimator
            The model to be taught, fitted on the labelled samples.
        batch_size : int, default=1
            How many samples to design.

        Returns
        -------
        Synthesis
            ``X``, laid out as the generator's training data, and ``latent``.

        Raises
        ------
        ValueError
            If X is empty, or its samples have another shape than those that the generator makes.
        TypeError
            If the model cannot say how unsure it is, and the strategy has to know.
        sklearn.exceptions.NotFittedError
            If the strategy isn't fitted, or the model is needed and isn't.
        """
        check_is_fitted(self)
        self._validate_params()
        check_batch_size(batch_size)
        X = check_samples(X, y)
        if X.shape[0] == 0:
            raise ValueError("The pool is empty: X has no samples.")
        self._check_sample_shape(X)
        # The number of rows tells the rounds of active learning apart, and they can be repeated.
        seed = draw_seed(as_random_state(self.random_state))
        rng = np.random.RandomState([seed, X.shape[0]])
        return self._synthesize(X, y, clf, batch_size, rng)

    def _synthesize(self, X, y, clf, batch_size, rng):
        """Do what :meth:`synthesize` does, once its arguments are checked."""
        latent = self._design(X, y, clf, batch_size, rng)
        return Synthesis(self.generator_.generate(latent), latent)


class GuidedLatentStrategy(LatentStrategy):
    """Base of latent strategies that look where in the latent space the model is unsure.

    A subclass also has the parameters ``measure``, ``candidates`` and ``n_candidates``.
    """

    _parameter_constraints = {
        **LatentStrategy._parameter_constraints,
        "candidates": [StrOptions({"auto", "grid", "sobol"})],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
    }

    def _check_generator(self):
        super()._check_generator()
        dim = getattr(self.generator, "latent_dim", None)
        if isinstance(dim, Integral) and dim >= 1:  # else the generator has its own say
            resolve_kind(self.candidates, dim, self.n_candidates)

    def check_model(self, clf, X):
        """Refuse a model that doesn't say how unsure it is."""
        uncertainty_rater(clf, self.measure)

    def _candidates(self, rng):
        candidates = latent_points(
            self.generator_.latent_distribution_,
            self.generator_.latent_dim_,
            self.n_candidates,
            self.candidates,
            rng,
        )
        if hasattr(self.generator_, "is_feasible"):  # a box with constraints
            candidates = candidates[self.generator_.is_feasible(candidates)]
        return candidates

    def _generated(self, latent):
        """Iterate over the samples at latent points, in blocks."""
        for block in row_blocks(len(latent), like=self.generator_.generate(latent[:1])):
            yield self.generator_.generate(latent[block])

    def _uncertainty(self, latent, clf):
        """Rate how unsure the model is at latent points (AISEL, equation 7)."""
        uncertain = uncertainty(clf, self._generated(latent), self.measure)
        if np.ptp(uncertain) == 0:
            warnings.warn(
                f"The model is equally unsure ({uncertain[0]:.3g}) of all {len(latent)} latent "
                "candidates, so its uncertainty does not guide the design.",
                UniformUncertaintyWarning,
                stacklevel=5,  # the caller of synthesize
            )
        return uncertain
