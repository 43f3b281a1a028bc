"""What strategies that design samples in a generator's latent space have in common."""

import warnings
from abc import abstractmethod
from numbers import Integral

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skgal.base import Synthesis, SynthesisStrategy
from skgal.exceptions import UniformUncertaintyWarning
from skgal.query._blocks import row_blocks
from skgal.query._checks import check_batch_size, check_samples
from skgal.query._latent_points import latent_points, resolve_kind
from skgal.query._measures import uncertainty
from skgal.utils import as_random_state, draw_seed


class LatentStrategy(SynthesisStrategy):
    """Base of strategies that choose latent points and generate the samples there.

    A subclass has the parameters ``generator`` and ``random_state`` and implements
    :meth:`_design`.

    Attributes
    ----------
    generator_ : generator
        The fitted generator.
    """

    _parameter_constraints = {
        "generator": [HasMethods(["fit", "generate"])],
        "random_state": ["random_state"],
    }

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Fit the generator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            All samples at hand, labelled or not.
        y : array-like of shape (n_samples,), default=None
            Labels, passed on to the generator, which ignores them unless it is conditional.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the generator is a fitted one (in a ``FrozenEstimator``) whose samples have
            another shape than those of X; and what the generator itself raises.
        """
        self._check_generator()
        generator = clone(self.generator)
        if generator.get_params(deep=False).get("random_state", "fixed") is None:
            generator.set_params(random_state=draw_seed(as_random_state(self.random_state)))
        # FrozenEstimator, for generators that are fitted already, requires a y.
        self.generator_ = generator.fit(X, y)
        self._check_sample_shape(X)
        validate_data(self, X, skip_check_array=True)  # the generator has checked the values
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.generator).input_tags
        return tags

    def _check_generator(self):
        """Check, before it is fitted, that the generator can do what the strategy needs."""

    def _check_sample_shape(self, X):
        latent = self.generator_.sample_latent(1, random_state=0)
        made, wanted = np.shape(self.generator_.generate(latent))[1:], np.shape(X)[1:]
        if made != wanted:
            raise ValueError(
                f"The generator makes samples of shape {made}, but those of X have shape "
                f"{wanted}; fit the generator on samples like these."
            )

    @abstractmethod
    def _design(self, X, y, clf, batch_size, rng):
        """Choose latent points: an array of shape (batch_size, latent_dim)."""

    def synthesize(self, X, y, clf, *, batch_size=1):
        """Design samples to label.

        With an integer ``random_state`` the same arguments give the same samples; in the next
        round X has grown by those that got their labels, and other samples are drawn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
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
        """
        check_is_fitted(self)
        self._validate_params()
        check_batch_size(batch_size)
        X = check_samples(X, y)
        # The number of rows tells the rounds of active learning apart, and they can be repeated.
        seed = draw_seed(as_random_state(self.random_state))
        rng = np.random.RandomState([seed, X.shape[0]])
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

    def _candidates(self, rng):
        return latent_points(
            self.generator_.latent_distribution_,
            self.generator_.latent_dim_,
            self.n_candidates,
            self.candidates,
            rng,
        )

    def _generated(self, latent, like):
        """Iterate over the samples at latent points, in blocks; ``like`` tells their size."""
        for block in row_blocks(len(latent), like=like):
            yield self.generator_.generate(latent[block])

    def _uncertainty(self, latent, X, clf):
        """Rate how unsure the model is at latent points (AISEL, equation 7)."""
        uncertain = uncertainty(clf, self._generated(latent, like=X), self.measure)
        if np.ptp(uncertain) == 0:
            warnings.warn(
                f"The model is equally unsure ({uncertain[0]:.3g}) of all {len(latent)} latent "
                "candidates, so its uncertainty does not guide the design.",
                UniformUncertaintyWarning,
                stacklevel=4,  # the caller of synthesize
            )
        return uncertain
