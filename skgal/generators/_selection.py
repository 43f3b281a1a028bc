"""Model selection during a training, by the Fréchet distance of generated samples."""

from copy import deepcopy
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import resample
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback

from skgal.base import DocumentedMixin
from skgal.classifiers import fit_reference_classifier
from skgal.features import penultimate_features
from skgal.metrics import frechet_distance
from skgal.nn import apply_network, resolve_device
from skgal.training import StopTraining
from skgal.utils import HasMethods, Interval, StrOptions, as_random_state, draw_seed, seeded_nets


class FrechetSelection(DocumentedMixin, BaseEstimator):
    r"""Keep the generator whose samples are most like the data, and stop in time.

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

    See Also
    --------
    skgal.metrics.frechet_distance : What decides.
    GenerationScorer : Scores for a search over parameters.

    References
    ----------
    .. [1] Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019,
       section 3.2, equation (2).

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
        """Make the skorch callback that evaluates the generator.

        Parameters
        ----------
        generator : estimator
            Whose training it is: ``layout_``, ``device`` and ``random_state`` are read.
        architecture : skgal.nn.Architecture
            What the reference classifier's layers are made by, if one is trained.
        tensor : ndarray of shape (n_samples, *shape), dtype float32
            The training data as networks see them.
        labels : ndarray of shape (n_samples,), dtype int64, or None
            Classes of the samples, from 0; None where there are none.

        Returns
        -------
        BestGenerator
            It keeps the best weights.

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
    """Return features of samples by a fitted transformer, or those of a skorch net."""
    with seeded_nets(extractor):
        if hasattr(extractor, "forward_iter"):  # a net, though it may have a transform as well
            return penultimate_features(extractor, samples)
        return np.asarray(extractor.transform(samples))


def _extract(extractor, layout, tensor):
    return extract_features(extractor, layout.from_network(tensor))


class BestGenerator(Callback):
    """Restore, at the end, the generator of the least smoothed Fréchet distance."""

    def __init__(self, extract, real_features, *, every, smoothing, patience):
        self.extract = extract
        self.real_features = real_features
        self.every = every
        self.smoothing = smoothing
        self.patience = patience

    def initialize(self):
        """Reset the evaluations of an earlier training."""
        self._state = {"smoothed": None, "best": None, "weights": None, "misses": 0, "due": 0}
        return self

    def on_train_begin(self, net, **kwargs):
        """Note which update is the last, if nothing stops the training before."""
        self._last = net.n_updates_ + net.max_iter

    def state_dict(self):
        """Return the state for a checkpoint."""
        return self._state

    def load_state_dict(self, state):
        """Restore the state of a checkpoint."""
        self._state = state

    def on_epoch_end(self, net, data=None, **kwargs):
        """Evaluate the generator if it is due; stop if it has not improved for ``patience``."""
        state, distance, smoothed = self._state, float("nan"), float("nan")
        is_due = net.n_updates_ >= state["due"] + self.every
        if is_due or (net.n_updates_ == self._last and state["best"] is None):
            draws = data.fork(net.seed)  # those of the game stay what they are
            game = net.preview(draws)
            inputs = game.draw_inputs(draws, len(self.real_features))
            latent, *classes = (part.cpu().numpy() for part in inputs)
            samples = apply_network(game.generator, latent, net.device, *classes)
            distance = frechet_distance(self.real_features, self.extract(samples))
            smoothed = self._smooth(distance)
        if is_due:
            state["due"] = net.n_updates_
            self._compare(smoothed, game.generator)
        net.history.record("frechet_distance", distance)
        net.history.record("smoothed_frechet_distance", smoothed)
        if self.patience is not None and state["misses"] >= self.patience:
            raise StopTraining

    def on_train_end(self, net, **kwargs):
        """Restore the best generator, and drop what only the training needed."""
        if self._state["weights"] is not None:
            net.trained_.generator.load_state_dict(self._state["weights"])
        self.extract = self.real_features = None
        self.initialize()

    def _smooth(self, distance):
        last = self._state["smoothed"]
        if last is not None:
            distance = self.smoothing * last + (1 - self.smoothing) * distance
        self._state["smoothed"] = distance
        return distance

    def _compare(self, smoothed, generator):
        best = self._state["best"]
        if best is None or smoothed < best:
            weights = deepcopy(generator.state_dict())
            self._state |= {"best": smoothed, "weights": weights, "misses": 0}
        else:
            self._state["misses"] += 1
