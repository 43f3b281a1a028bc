"""Which moment of a training to keep."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import resample
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skgal.classifiers import fit_reference_classifier
from skgal.features import penultimate_features
from skgal.nn import resolve_device
from skgal.training import BestGenerator
from skgal.utils import as_random_state, draw_seed, seeded_nets


class FrechetSelection(BaseEstimator):
    r"""Keep the generator whose samples are most like the data, and stop when none better comes.

    The losses of an adversarial game don't say when to stop. Here the Fréchet distance of
    generated from real samples is measured every so often, in the features of a classifier of
    such data, and smoothed; at the end the generator of the least smoothed distance is put
    back. A generator takes it as ``model_selection``; its ``history_`` then has the columns
    ``frechet_distance`` and ``smoothed_frechet_distance``.

    Parameters
    ----------
    extractor : "classifier", fitted transformer or fitted skorch net, default="classifier"
        Where the features come from: a classifier trained on the labelled data, for generators
        that are fitted with labels; what ``transform`` of a transformer returns; the input of
        the last layer of a net. Transformer and net take samples as the user has them.
    every : int, default=250
        Generator updates between evaluations, rounded up to the next 50. Of a training with fewer
        the last generator is kept, and evaluated.
    smoothing : float in [0, 1), default=0.3
        Weight :math:`\alpha` of the last smoothed distance against the new one.
    patience : int or None, default=None
        Evaluations without a new best after which the training stops. None: it doesn't.
    n_samples : int, default=1000
        Samples generated at each evaluation, and real ones they are compared with, at most as
        many as there are.

    References
    ----------
    .. [1] Selective augmentation, section 3.2, equation (2).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skgal.generators import CGAN, FrechetSelection
    >>> X, y = load_digits(return_X_y=True)
    >>> selection = FrechetSelection(every=50, n_samples=100)
    >>> cgan = CGAN(max_iter=100, model_selection=selection, random_state=0).fit(X[:200], y[:200])
    >>> [round(row["frechet_distance"]) > 0 for row in cgan.history_]
    [True, True]
    """

    _parameter_constraints = {
        "extractor": [
            StrOptions({"classifier"}),
            HasMethods("transform"),
            HasMethods("forward_iter"),
        ],
        "every": [Interval(Integral, 1, None, closed="left")],
        "smoothing": [Interval(Real, 0, 1, closed="left")],
        "patience": [None, Interval(Integral, 1, None, closed="left")],
        "n_samples": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        extractor="classifier",
        *,
        every=250,
        smoothing=0.3,
        patience=None,
        n_samples=1000,
    ):
        self.extractor = extractor
        self.every = every
        self.smoothing = smoothing
        self.patience = patience
        self.n_samples = n_samples

    def make_callback(self, generator, architecture, tensor, labels):
        """Make what watches a training.

        Parameters
        ----------
        generator : estimator
            Whose training it is: ``layout_``, ``device`` and ``random_state`` are read.
        architecture : skgal.nn.Architecture
        tensor : ndarray of shape (n_samples, *shape), dtype float32
            The training data as networks see them.
        labels : ndarray of shape (n_samples,), dtype int64, or None

        Returns
        -------
        BestGenerator

        Raises
        ------
        ValueError
            If a classifier is to be trained and there are no labels.
        sklearn.exceptions.NotFittedError
            If the transformer or the net is not fitted.
        """
        self._validate_params()
        rng = as_random_state(generator.random_state)
        if isinstance(self.extractor, str):
            extract = self._train_extractor(generator, architecture, tensor, labels, draw_seed(rng))
        else:
            check_is_fitted(self.extractor)
            extract = partial(_extract, self.extractor, generator.layout_)
        n_samples = min(self.n_samples, len(tensor))
        real = resample(tensor, replace=False, n_samples=n_samples, random_state=rng)
        return BestGenerator(
            extract,
            extract(real),
            every=self.every,
            smoothing=self.smoothing,
            patience=self.patience,
        )

    def _train_extractor(self, generator, architecture, tensor, labels, seed):
        if labels is None or labels.max() == 0:
            raise ValueError(
                f'FrechetSelection(extractor="classifier") trains a classifier, which needs two '
                f"classes or more; {type(generator).__name__} learns from samples alone, or of one "
                "class. Pass a fitted transformer or skorch net as extractor."
            )
        net = fit_reference_classifier(
            architecture, tensor, labels, seed=seed, device=resolve_device(generator.device)
        )
        return partial(extract_features, net)


def extract_features(extractor, samples):
    """Return features of samples by a fitted transformer, or those of a skorch net.

    Parameters
    ----------
    extractor : fitted transformer or skorch net
    samples : array-like of n_samples samples

    Returns
    -------
    ndarray of shape (n_samples, n_features)
    """
    with seeded_nets(extractor):
        if hasattr(extractor, "forward_iter"):  # a net, though it may have a transform as well
            return penultimate_features(extractor, samples)
        return np.asarray(extractor.transform(samples))


def _extract(extractor, layout, tensor):
    return extract_features(extractor, layout.from_network(tensor))
