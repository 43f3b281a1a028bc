"""What strategies that use a generator have in common: they clone it, seed it and fit it."""

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods

from skgal.base import BaseStrategy, ConditionalGenerator
from skgal.utils import as_pool, as_random_state, draw_seed, fit_to_pool, validate_pool


class GeneratorStrategy(BaseStrategy):
    """Base of strategies with the parameters ``generator`` and ``random_state``.

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
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
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
        TypeError
            If the generator must be told the class of each sample, as ``CGAN`` must, or lacks an
            encoder that the strategy needs; if X comes in blocks, as zarr and dask arrays do: a
            generator needs all its training samples at once. Fit it to some of them, and pass it
            inside a ``FrozenEstimator``.
        """
        generator = clone(self.generator)
        if generator.get_params(deep=False).get("random_state", "fixed") is None:
            generator.set_params(random_state=draw_seed(as_random_state(self.random_state)))
        self.generator_ = fit_to_pool(generator, X, y)
        latent = self.generator_.sample_latent(1, random_state=0)
        self._sample_shape = np.shape(self.generator_.generate(latent))[1:]
        self._check_sample_shape(X)
        validate_pool(self, X)
        self._prepare(X, y)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.generator).input_tags
        return tags

    def _validate_params(self):
        super()._validate_params()
        self._check_generator()

    def _check_generator(self):
        """Check, before it is fitted, that the generator can do what the strategy needs."""
        generator = self.generator
        while isinstance(generator, FrozenEstimator):
            generator = generator.estimator
        if isinstance(generator, ConditionalGenerator):
            raise TypeError(
                f"{type(self).__name__} needs a generator that knows no classes, such as "
                f"skgal.generators.GIN; {type(generator).__name__} must be told the class of each "
                "sample."
            )

    def _prepare(self, X, y):
        """Do what else is paid once for these samples; nothing here."""

    def _check_sample_shape(self, X):
        made, wanted = self._sample_shape, as_pool(X).sample_shape
        if made != wanted:
            raise ValueError(
                f"The generator makes samples of shape {made}, but those of X have shape "
                f"{wanted}; fit the generator on samples like these."
            )
