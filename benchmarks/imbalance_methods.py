"""The classifiers and the methods of ``benchmarks/imbalance.py``.

Each method has the same number of configurations to be tuned over, four. Those of a resampler are
two settings of its own, each with half and with all of the samples that would make the
classes equally frequent; of random over-sampling and of ACGAN four such shares; of class weights
four exponents; and of the bare classifier four strengths of regularisation.

"... in features" is a method in the feature space of the bare classifier: what its last layer
sees, standardised, is resampled, and a logistic regression takes the last layer's place.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from imblearn.over_sampling import (
    ADASYN,
    SMOTE,
    SMOTENC,
    SVMSMOTE,
    BorderlineSMOTE,
    RandomOverSampler,
)
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler

from skgal import (
    ACGAN,
    CGAN,
    GANOverSampler,
    PolarityGANSampler,
    SelectiveAugmentation,
)
from skgal.generators import FrechetSelection
from skgal.nn import ConvClassifier

DEFAULT_REGULARISATION = 1
REGULARISATIONS = {
    "net": (0.0, 0.01, 0.1, 1.0),  # AdamW's weight decay
    "logistic": (0.1, 1.0, 10.0, 100.0),  # C
    "boosting": (0.0, 1.0, 10.0, 100.0),  # l2_regularization
}
CLASSIFIERS = tuple(REGULARISATIONS)


class Batches:
    """A fixed number of random batches, or all samples in order.

    It cuts them from the whole array, which is several times faster than a loader that
    collects single samples.
    """

    def __init__(self, dataset, batch_size, n_updates=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.n_updates = n_updates

    def __iter__(self):
        X = torch.as_tensor(np.asarray(self.dataset.X))
        n_samples = len(X)
        if self.n_updates is None:
            for block in torch.arange(n_samples).split(self.batch_size):
                yield X[block], torch.zeros(len(block))
            return
        y = torch.as_tensor(self.dataset.y)
        order = torch.empty(0, dtype=torch.long)
        for _ in range(self.n_updates):
            while len(order) < self.batch_size:
                order = torch.cat([order, torch.randperm(n_samples)])
            batch, order = order[: self.batch_size], order[self.batch_size :]
            yield X[batch], y[batch]


class MLP(torch.nn.Sequential):
    """Two hidden layers, for tables."""

    def __init__(self, n_features, n_classes, n_units=64):
        super().__init__(
            torch.nn.Linear(n_features, n_units),
            torch.nn.ReLU(),
            torch.nn.Linear(n_units, n_units),
            torch.nn.ReLU(),
            torch.nn.Linear(n_units, n_classes),
        )

    def forward(self, rows):
        return super().forward(rows.float())


class FlatConvClassifier(ConvClassifier):
    """The classifier of images; they may come as rows of pixels."""

    def __init__(self, image_shape, n_classes):
        super().__init__(image_shape, n_classes)
        self.image_shape = image_shape

    def forward(self, images):
        return super().forward(images.reshape(-1, *self.image_shape))


def make_classifier(kind, shape, config, counts, *, n_updates):
    """Make one of the classifiers; a net's number of updates doesn't depend on the samples.

    Parameters
    ----------
    kind : one of CLASSIFIERS
    shape : tuple of int
        Of a sample: (n_features,) or (channels, height, width).
    config : Config
        Says how it is regularised, and how classes are weighted.
    counts : ndarray of shape (n_classes,)
        The number of training samples of each class.
    n_updates : int
    """
    regularisation = REGULARISATIONS[kind][config.regularisation]
    weights = _class_weights(counts, config.weight_power)
    if kind == "logistic":
        return LogisticRegression(
            C=regularisation, class_weight=dict(enumerate(weights.tolist())), max_iter=500
        )
    if kind == "boosting":
        return HistGradientBoostingClassifier(
            l2_regularization=regularisation,
            class_weight=dict(enumerate(weights.tolist())),
            max_iter=50,
            early_stopping=False,
            random_state=0,
        )
    is_image = len(shape) > 1
    decay = LRScheduler(
        torch.optim.lr_scheduler.CosineAnnealingLR, T_max=n_updates, step_every="batch"
    )
    return NeuralNetClassifier(
        FlatConvClassifier if is_image else MLP,
        **({"module__image_shape": shape} if is_image else {"module__n_features": shape[0]}),
        module__n_classes=len(counts),
        classes=list(range(len(counts))),
        criterion=torch.nn.CrossEntropyLoss,
        criterion__weight=torch.as_tensor(weights, dtype=torch.float32),
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=regularisation,
        optimizer__fused=True,
        lr=1e-3 if is_image else 3e-3,
        batch_size=64,
        max_epochs=1,
        iterator_train=Batches,
        iterator_train__n_updates=n_updates,
        iterator_valid=Batches,
        iterator_valid__batch_size=2048,
        train_split=None,
        callbacks=[("decay", decay)],
        verbose=0,
    )


def _class_weights(counts, power):
    """Return inverse frequencies to a power; the weights of all samples sum to their number."""
    weights = np.maximum(counts, 1.0) ** -power
    return weights * counts.sum() / (counts @ weights)


@dataclass(frozen=True)
class Config:
    """One of the configurations of a method.

    Parameters
    ----------
    label : str
    make : callable or None
        Makes the resampler, given the labels, the ``sampling_strategy`` and a seed.
    setting : str
        The part of the label that is about ``make``: what configurations that differ in their
        share alone have in common, so that one fit serves them while they are tuned.
    share : float
        How much of what is missing to equal frequencies is added.
    weight_power : float
        The class weights are the inverse frequencies to this power.
    regularisation : int
        Which strength of the classifier's regularisation.
    in_features : bool
        Resamples, or weights, what the last layer of the bare classifier sees, and trains a new
        last layer, a logistic regression.
    """

    label: str
    make: Callable | None = None
    setting: str = ""
    share: float = 1.0
    weight_power: float = 0.0
    regularisation: int = DEFAULT_REGULARISATION
    in_features: bool = False


@dataclass(frozen=True)
class Method:
    """A method and its configurations.

    Parameters
    ----------
    configs : tuple of Config
    is_ours : bool
        Takes images and categories as they are, and a gate.
    takes_categories : bool
        Needs a table with categories.
    """

    configs: tuple
    is_ours: bool = False
    takes_categories: bool = False

    def first(self, n_configs):
        """Return the method with so many of its configurations."""
        return replace(self, configs=self.configs[:n_configs])

    def in_features(self):
        """Return the method in the features of the bare classifier; it has no gate there.

        A gate would test what comes after on samples that the features were trained on.
        """
        configs = tuple(
            replace(config, in_features=True, regularisation=0) for config in self.configs
        )
        return Method(configs)


BARE = Config("default")


def target_counts(share, y):
    """Return the number that each class shall have; a ``sampling_strategy``."""
    labels, counts = np.unique(y, return_counts=True)
    missing = np.rint(share * (counts.max() - counts)).astype(int)
    return {
        label: count + more
        for label, count, more in zip(
            labels.tolist(), counts.tolist(), missing.tolist(), strict=True
        )
        if count < counts.max()
    }


def _neighbours(wanted, y):
    """Return so many neighbours, or what the rarest class has, as users help themselves."""
    return min(wanted, int(np.unique(y, return_counts=True)[1].min()) - 1)


def _smote(cls, parameter, n_neighbours, y, strategy, seed, **fixed):
    neighbours = {parameter: _neighbours(n_neighbours, y)}
    return cls(sampling_strategy=strategy, random_state=seed, **neighbours, **fixed)


def _random(y, strategy, seed):
    return RandomOverSampler(sampling_strategy=strategy, random_state=seed)


def _gan(max_iter, y, strategy, seed):
    return GANOverSampler(ACGAN(max_iter=max_iter), sampling_strategy=strategy, random_state=seed)


def _polarity(min_trust, y, strategy, seed):
    return PolarityGANSampler(
        min_trust=min_trust,
        sampling_strategy=strategy,
        random_state=seed,
    )


def _selective(filters, max_iter, selection, extractor_max_iter, y, strategy, seed):
    return SelectiveAugmentation(
        CGAN(max_iter=max_iter, model_selection=selection),
        filters=filters,
        extractor_max_iter=extractor_max_iter,
        sampling_strategy=strategy,
        random_state=seed,
    )


def _resampler(settings, *, shares=(0.5, 1.0), **flags):
    """Make a method of all pairs of a setting and a share."""
    configs = tuple(
        Config(", ".join(filter(None, [setting, f"share={share}"])), make, setting, share)
        for setting, make in settings.items()
        for share in shares
    )
    return Method(configs, **flags)


def _neighbour_settings(cls, parameter="k_neighbors", **fixed):
    return {f"{parameter}={n}": partial(_smote, cls, parameter, n, **fixed) for n in (3, 5)}


def make_methods(gan_updates, extractor_updates, *, is_image=False):
    """Return all methods by name.

    Parameters
    ----------
    gan_updates : int
        Generator updates of ACGAN, and of the CGAN of SelectiveAugmentation; PolarityGAN has its
        defaults.
    extractor_updates : int
        Updates of the extractor of SelectiveAugmentation.
    """
    # The few updates that suit a small table have no moments worth choosing among.
    selection = FrechetSelection(every=max(50, gan_updates // 5)) if is_image else None
    select = {
        f"filters={'+'.join(filters)}": partial(
            _selective, filters, gan_updates, selection, extractor_updates
        )
        for filters in (("entropy", "distance"), ("label",))
    }
    methods = {
        "none": Method(
            tuple(Config(f"regularisation {level}", regularisation=level) for level in (1, 2, 0, 3))
        ),
        "class weights": Method(
            tuple(Config(f"power={power}", weight_power=power) for power in (0.5, 1.0, 0.25, 0.75))
        ),
        "RandomOverSampler": _resampler({"": _random}, shares=(0.5, 1.0, 0.25, 0.75)),
        "SMOTE": _resampler(_neighbour_settings(SMOTE)),
        "BorderlineSMOTE": _resampler(_neighbour_settings(BorderlineSMOTE)),
        "SVMSMOTE": _resampler(_neighbour_settings(SVMSMOTE)),
        "SMOTENC": _resampler(
            _neighbour_settings(SMOTENC, categorical_features="auto"), takes_categories=True
        ),
        "ADASYN": _resampler(_neighbour_settings(ADASYN, "n_neighbors")),
        "GANOverSampler": _resampler(
            {"": partial(_gan, gan_updates)}, shares=(0.5, 1.0, 0.25, 0.75), is_ours=True
        ),
        "PolarityGANSampler": _resampler(
            {f"min_trust={trust}": partial(_polarity, trust) for trust in (0.5, 0.0)},
            is_ours=True,
        ),
        "SelectiveAugmentation": _resampler(select, is_ours=True),
    }
    in_features = {
        name: methods[name].in_features()
        for name in ("class weights", "RandomOverSampler", "SMOTE", "PolarityGANSampler")
    }
    # That of none is about the new layer itself: its regularisation, that of the others first.
    in_features["none"] = Method(
        tuple(Config(f"regularisation {n}", regularisation=n, in_features=True) for n in range(4))
    )
    return methods | {f"{name} in features": method for name, method in in_features.items()}


METHODS = tuple(make_methods(1, 1))
