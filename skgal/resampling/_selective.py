"""Selective augmentation: candidates whose label can be trusted, near the centre of their class."""

from collections import OrderedDict
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from skgal.classifiers import (
    check_dropout,
    class_centroids,
    dropout_scores,
    fit_classifier,
    fit_estimator,
)
from skgal.features import in_precision_of
from skgal.generators import CGAN, FrechetSelection, PolarityGAN
from skgal.nn import make_dropout_classifier, resolve_device
from skgal.resampling._base import GeneratorOverSampler, select
from skgal.resampling._data import as_array
from skgal.utils import (
    HasMethods,
    Interval,
    StrOptions,
    concat_rows,
    draw_seed,
    frame_columns,
    holds_numbers,
    is_frame,
    is_mixed,
    make_layout,
    seeded_nets,
    subtask,
    take_rows,
)

# Filters in the order in which candidates pass them.
FILTERS = ("label", "entropy", "distance")


class SelectiveAugmentation(GeneratorOverSampler):
    r"""Add only generated samples with a certain label and typical features.

    A conditional generator draws four times as many samples of each class as are wanted. A
    classifier with dropout, the extractor, looks at each of them several times, with other units
    dropped. The half with the lower mean entropy of its predictions stays, and of these the half
    that is nearest to the centroid of its class, by the activations of several layers [1]_.

    Parameters
    ----------
    generator : generator or None, default=None
        What draws samples of given classes; it is cloned. None is, for tables, ``PolarityGAN()``,
        whose samples lie between real ones; for images
        ``CGAN(model_selection=FrechetSelection())``, the moment of whose training is chosen by a
        smoothed Fréchet distance (for larger ones give it ``architecture="biggan"``).
    ratio : "auto", float or None, default="auto"
        :math:`r`: how many samples of each class are added for each that there is, at least one.
        ``"auto"``: 0.5, the paper's, which leaves the balance of the classes as it is; where a
        ``sampling_strategy`` is given, as many as that says. None: always as many as that says,
        which is by default as many of each class as of the most frequent.
    filters : tuple of {"label", "entropy", "distance"}, default=("entropy", "distance")
        What candidates must pass, in this order; for each filter twice as many are drawn.
        ``("distance",)``, with ``n_passes=1``, is the single filter of [2]_. ``"label"``, not in
        the paper, rejects candidates that the extractor takes for another class: alone, it lets
        samples from near the boundary through that the other two would reject.
    n_passes : int, default=5
        :math:`K`: how often the extractor looks at each candidate. Once needs no dropout.
    extractor : skorch net or None, default=None
        A classifier, with dropout unless ``n_passes=1``. It takes samples as the user has them,
        float64 as float32, and labels as integers from 0; its ``predict_proba`` gives
        probabilities. It is cloned and trained on the data; one in a
        :class:`sklearn.frozen.FrozenEstimator` is used as it is, and may know more classes: where
        the labels of y are among its ``classes_``, its outputs are those of these; else they must
        be as many as there are classes in y, in sorted order, for
        the filter ``"label"``. None: ResNet-34 for images with sides of 32 pixels and more, three
        residual blocks for smaller ones, a dense network for tables.
    layers : list of str or None, default=None
        Submodules of the extractor whose outputs, of shape (n, n_channels, ...), are compared.
        None: all hidden activations that are modules; of the default extractor every block.
    extractor_max_iter : int, default=500
        Number of updates of the default extractor, on batches of 64.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many samples each class should have, in all of imbalanced-learn's forms; see
        :class:`GANOverSampler`. With a ``ratio`` in numbers it must be ``"auto"``.
    random_state : int, RandomState instance or None, default=None
        Decides what has no seed of its own: training, what is drawn and dropped.

    Attributes
    ----------
    generator_ : generator
        The fitted generator. There is none if nothing was to be generated.
    extractor_ : skorch net
        The trained extractor.
    sampling_strategy_ : dict
        The number of samples to add of each class.
    report_ : pandas.DataFrame
        A row for each class, with the columns of :class:`GANOverSampler` and more: ``generated``
        is the number of candidates, ``rejected_by_entropy`` and so on how many each filter
        rejected, ``accepted`` how many passed all and were added, ``surplus`` how many passed
        all and were not needed, and ``topped_up`` how many were added though rejected, because too
        few had passed to fill the quota: the best of those that the last filter rejected, then
        of those before.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    GANOverSampler : Takes all that is generated.
    GatedSampler : Tests whether it helps.

    Notes
    -----
    Half of the candidates pass each of the paper's filters unless scores are equal, so without
    ``"label"`` hardly anything is topped up.

    References
    ----------
    .. [1] Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019,
       Algorithm 1, equations (3) and (4), section 4.2.
    .. [2] Y. Xue et al., "Synthetic augmentation and feature-based filtering for improved cervical
       histopathology image classification", MICCAI 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import CGAN
    >>> from skgal.resampling import SelectiveAugmentation
    >>> X, y = load_iris(return_X_y=True)
    >>> augment = SelectiveAugmentation(CGAN(max_iter=20), extractor_max_iter=20, random_state=0)
    >>> X_new, y_new = augment.fit_resample(X, y)
    >>> len(X_new)
    225
    >>> report = augment.report_[["generated", "rejected_by_entropy", "rejected_by_distance"]]
    >>> report.to_numpy().tolist()
    [[100, 50, 25], [100, 50, 25], [100, 50, 25]]
    """

    _parameter_constraints = {
        **GeneratorOverSampler._parameter_constraints,
        "ratio": [None, StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "filters": [tuple, list],
        "n_passes": [Interval(Integral, 1, None, closed="left")],
        "extractor": [None, HasMethods(["fit", "forward_iter"]), FrozenEstimator],
        "layers": [None, tuple, list],
        "extractor_max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    _n_trainings = 2

    def __init__(
        self,
        generator=None,
        *,
        ratio="auto",
        filters=("entropy", "distance"),
        n_passes=5,
        extractor=None,
        layers=None,
        extractor_max_iter=500,
        sampling_strategy="auto",
        random_state=None,
    ):
        super().__init__(generator, sampling_strategy=sampling_strategy, random_state=random_state)
        self.ratio = ratio
        self.filters = filters
        self.n_passes = n_passes
        self.extractor = extractor
        self.layers = layers
        self.extractor_max_iter = extractor_max_iter

    def _default_generator(self, X=None):
        # What a CGAN draws of a rare class of a table lies far from it, and spoils probabilities.
        is_table = X is not None and len(X.shape) == 2
        return PolarityGAN() if is_table else CGAN(model_selection=FrechetSelection())

    def _count_missing(self, y):
        self._check_filters()
        by_strategy = super()._count_missing(y)
        is_balanced = isinstance(self.sampling_strategy, str) and self.sampling_strategy == "auto"
        if self.ratio is None or (self.ratio == "auto" and not is_balanced):
            return by_strategy
        ratio = 0.5 if self.ratio == "auto" else self.ratio
        if not is_balanced:
            raise ValueError(
                f"ratio={self.ratio} and sampling_strategy={self.sampling_strategy!r} both say how "
                "many samples to add; leave one of them out."
            )
        labels, counts = np.unique(y, return_counts=True)
        # At least one: every class is augmented.
        numbers = np.maximum(np.rint(ratio * counts), 1).astype(int).tolist()
        return OrderedDict(zip(labels.tolist(), numbers, strict=True))

    def _check_filters(self):
        known = [name for name in FILTERS if name in self.filters]
        if not known or list(self.filters) != known:
            raise ValueError(
                f"filters must be some of {tuple(FILTERS)}, in this order and at least one; got "
                f"{self.filters!r}."
            )

    def _check_parts(self, X, y):
        super()._check_parts(X, y)
        if self.extractor is not None:
            _refuse_all_but_numbers(X)
        if isinstance(self.extractor, FrozenEstimator):
            self._try_frozen_extractor(X, y)

    def _try_frozen_extractor(self, X, y):
        """Run the frozen extractor on one sample, so that errors come before training."""
        net = self.extractor.estimator
        if not hasattr(net, "forward_iter"):
            raise TypeError(
                "extractor must be a skorch net, in a FrozenEstimator or not, for activations are "
                f"read in its layers; got a {type(net).__name__} in a FrozenEstimator."
            )
        if not getattr(net, "initialized_", False):
            raise NotFittedError(
                f"The {type(net).__name__} in the FrozenEstimator passed as extractor is not "
                "fitted; fit it first, or pass it without FrozenEstimator to have it fitted here."
            )
        if self.n_passes > 1:
            check_dropout(net)
        sample, label = _as_input(net, take_rows(X, [0])), np.zeros(1, dtype=np.int64)
        centroids = class_centroids(net, sample, label, 1, layers=self.layers, seed=0)
        scores = dropout_scores(
            net, sample, label, centroids, n_passes=1, layers=self.layers, seed=0
        )
        if "label" in self.filters:
            _output_of_class(net, np.unique(y), scores.proba.shape[1])

    def _synthesize(self, X, y, rng, fit_params):
        generator = self._make_generator(X, rng)
        # The extractor first: what it can't do shows before the longer training.
        with subtask(self._callback_fit_ctx, "extractor", self):
            score = self._make_scorer(X, y, rng)
        self.generator_ = self._train(generator, X, y, fit_params)
        chosen, labels = [], []
        for label, n_wanted in self.sampling_strategy_.items():
            if n_wanted:
                n_candidates = n_wanted * 2 ** len(self.filters)  # each keeps a half: Algorithm 1
                asked = np.full(n_candidates, label, dtype=y.dtype)
                candidates, _ = self._draw(X, asked, rng)
                selection = select(score(candidates, asked, draw_seed(rng)), n_wanted)
                self._report.enter(selection, asked)
                chosen.append(take_rows(candidates, selection.chosen))
                labels.append(asked[:n_wanted])
        return _stack(chosen), np.concatenate(labels)

    def _make_scorer(self, X, y, rng):
        """Train the extractor; return what maps candidates and labels to scores by filter."""
        classes, indices = np.unique(y, return_inverse=True)
        prepare, layers = self._fit_extractor(X, indices, draw_seed(rng))
        if self.n_passes > 1:
            check_dropout(self.extractor_)
        centroids = class_centroids(
            self.extractor_, prepare(X), indices, len(classes), layers=layers, seed=draw_seed(rng)
        )

        def score(candidates, labels, seed):
            targets = np.searchsorted(classes, labels)
            scores = dropout_scores(
                self.extractor_,
                prepare(candidates),
                targets,
                centroids,
                n_passes=self.n_passes,
                layers=layers,
                seed=seed,
            )
            by_filter = {"entropy": scores.entropy, "distance": scores.distance}
            if "label" in self.filters:
                outputs = self._outputs(classes, scores.proba.shape[1])
                by_filter["label"] = scores.proba.argmax(axis=1) == outputs[targets]
            return {name: by_filter[name] for name in self.filters}

        return score

    def _fit_extractor(self, X, indices, seed):
        """Train the extractor; return how samples are prepared for it, and its layers."""
        if self.extractor is None:
            layout = make_layout(X, self._image_shape())
            self.extractor_ = fit_classifier(
                partial(make_dropout_classifier, layout.shape, int(indices.max()) + 1),
                layout.to_network(X),
                indices,
                max_iter=self.extractor_max_iter,
                seed=seed,
                device=resolve_device(getattr(self.generator, "device", "auto")),
            )
            layers = self._default_layers() if self.layers is None else self.layers
            return layout.to_network, layers
        if isinstance(self.extractor, FrozenEstimator):
            self.extractor_ = self.extractor.estimator
        else:
            net = clone(self.extractor)
            with seeded_nets(net, seed):
                fit_estimator(net, _as_input(net, X), indices)
            self.extractor_ = net
        return partial(_as_input, self.extractor_), self.layers

    def _outputs(self, classes, n_outputs):
        """Return which of the extractor's outputs is that of each class."""
        if isinstance(self.extractor, FrozenEstimator):
            return _output_of_class(self.extractor_, classes, n_outputs)
        return np.arange(len(classes))

    def _default_layers(self):
        return self.extractor_.module_.feature_layers


def _refuse_all_but_numbers(X):
    if as_array(X).dtype != object:
        return
    if is_frame(X):
        others = [name for name, series in frame_columns(X).items() if not holds_numbers(series)]
    else:
        others = [i for i in range(X.shape[1]) if is_mixed(X[:, [i]])]
    raise TypeError(
        f"An extractor of your own takes numbers, and the columns {others} of X hold other "
        "things, or gaps. Encode them first, or leave the extractor out."
    )


def _as_input(net, X):
    """Make the array of samples that a net of the user's takes."""
    # Torch warns of arrays that can't be written to, as those of pandas.
    return np.require(in_precision_of(net, as_array(X)), requirements="W")


def _output_of_class(net, classes, n_outputs):
    """Return which output of a fitted net is that of each class, or refuse to guess."""
    known, labels = np.asarray(getattr(net, "classes_", ())).tolist(), classes.tolist()
    if all(label in known for label in labels):
        # To skorch a number is the position of its output, unless the user has named the outputs.
        is_named = getattr(net, "classes", None) is not None or isinstance(labels[0], str)
        return np.array([known.index(label) if is_named else int(label) for label in labels])
    if n_outputs != len(labels):
        raise ValueError(
            f"The frozen extractor has {n_outputs} outputs, and knows the classes {known}; y has "
            f"the {len(labels)} classes {labels}, and it is unknown which outputs are theirs. Pass "
            "y with labels that the extractor knows, or name them by its parameter classes, or "
            'leave "label" out of filters.'
        )
    return np.arange(n_outputs)


def _stack(parts):
    stacked, *others = parts
    for part in others:
        stacked = concat_rows(stacked, part)
    return stacked
