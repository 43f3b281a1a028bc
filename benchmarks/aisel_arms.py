"""The arms of `aisel.py`: what they learn from, which classifier they train, and the training.

Both changes of the classifier, augmentation and pooling, hold for every arm alike, the native
one included; the oracle is the same whatever they are.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from torch import nn

from skgal import AISEL, GIN, LatentRandom, LatentUncertainty
from skgal.classifiers import accept_soft_targets
from skgal.datasets import load_images
from skgal.nn import ConvClassifier
from skgal.objectives import GradientPenalty
from skgal.utils import seeded_torch

sys.path.append(str(Path(__file__).parents[1] / "examples"))
from network_oracle import fit_plain, make_classifier, train_oracle

#: Chosen among 0, 0.25, 0.5, 1, 3 and 6 on validation images of draws 0 to 2.
POWER = 0.25
STRATEGIES = {
    "random": LatentRandom,
    "uncertainty": LatentUncertainty,
    "AISEL": AISEL,
    f"AISEL, power={POWER}": partial(AISEL, power=POWER),
}


class PoolingClassifier(ConvClassifier):
    """The paper's classifier, which doesn't say how images shrink, with max-pooling for strides."""

    def __init__(self, image_shape, n_classes, **parameters):
        super().__init__(image_shape, n_classes, **parameters)
        layers = []
        for layer in self.features:
            layers.append(layer)
            if isinstance(layer, nn.Conv2d):
                layer.stride = (1, 1)
            if isinstance(layer, nn.LeakyReLU):  # the last of a convolution's three layers
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*layers)


CLASSIFIERS = {"strided": ConvClassifier, "pooling": PoolingClassifier}


class AugmentedClassifier(nn.Module):
    """A classifier that sees every training batch flipped and shifted at random."""

    def __init__(self, network, **parameters):
        super().__init__()
        self.network = network(**parameters)

    def forward(self, images):
        """Return the logits; what is predicted sees the images as they are."""
        return self.network(flip_and_shift(images) if self.training else images)


def flip_and_shift(images, largest=2):
    """Mirror half of the images, move each by up to ``largest`` pixels; what enters is black.

    The paper augments the images of all its networks (section 4.3: "e.g., rotation and
    horizontal flip") and gives no amounts; section 5.1.3 and appendix D don't mention it again.
    Shifts are for its rotations: clothes are photographed upright.
    """
    n, _, height, width = images.shape
    images = torch.where(torch.rand(n, 1, 1, 1) < 0.5, images.flip(-1), images)
    framed = nn.functional.pad(images, (largest, largest, largest, largest))
    rows = torch.randint(2 * largest + 1, (n, 1)) + torch.arange(height)
    columns = torch.randint(2 * largest + 1, (n, 1)) + torch.arange(width)
    # Advanced indices on the first, third and fourth axes put the channels last.
    moved = framed[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def cached(folder, name, make):
    """Load what an earlier run trained with the same options, or train and keep it."""
    if folder is None:
        return make()
    path = Path(folder) / f"{name}.joblib"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        joblib.dump(make(), unfinished)
        unfinished.replace(path)  # another run reads the whole file or none
    return joblib.load(path)


def split(dataset, n_labelled, evaluate_on, draw):
    """Draw the labelled images, as many further ones, and the images to score on."""
    X, y = load_images(dataset, subset="train", return_X_y=True)
    X_few, X_rest, y_few, y_rest = train_test_split(
        X, y, train_size=n_labelled, stratify=y, random_state=draw
    )
    X_more, X_rest, y_more, y_rest = train_test_split(
        X_rest, y_rest, train_size=n_labelled, stratify=y_rest, random_state=draw
    )
    if evaluate_on == "test":
        return X_few, y_few, X_more, y_more, *load_images(dataset, subset="test", return_X_y=True)
    return X_few, y_few, X_more, y_more, X_rest[:5000], y_rest[:5000]


def get_oracle(args):
    """Train the oracle on all training images, validation images included."""
    X, y = load_images(args.dataset, subset="train", return_X_y=True)
    return cached(
        args.cache,
        f"oracle-{args.dataset}-{args.oracle_updates}",
        lambda: train_oracle(X, y, n_updates=args.oracle_updates),
    )


def get_gin(args, draw):
    """Train the generative invertible network, on a draw's labelled images alone or on all."""
    torch.set_num_threads(1)  # draws run side by side, and one thread is reproducible
    if args.gin_images == "all":
        X, _ = load_images(args.dataset, subset="train", return_X_y=True)
    else:
        X, *_ = split(args.dataset, args.n_labelled, args.evaluate_on, draw)
    parameters = {
        "latent_dim": args.latent_dim,
        "max_iter": args.gin_updates,
        **json.loads(args.gin),
    }
    name = f"gin-{args.dataset}-{len(X)}-{draw}-{joblib.hash(parameters)}"
    if isinstance(parameters.get("penalty"), dict):
        parameters["penalty"] = GradientPenalty(**parameters["penalty"])
    return cached(args.cache, name, lambda: GIN(random_state=draw, **parameters).fit(X))


def train_classifier(args, X, y, n_classes, seed):
    """Train the classifier of an arm; ``y`` holds classes or class probabilities."""
    classifier = make_classifier(X, n_classes, n_updates=args.classifier_updates)
    network = CLASSIFIERS[args.classifier]
    if args.augment:
        classifier.set_params(module=AugmentedClassifier, module__network=network)
    else:
        classifier.set_params(module=network)
    if y.ndim == 2:
        classifier.set_params(classes=list(range(n_classes)))
        accept_soft_targets(classifier)
    return fit_plain(classifier, X, y, seed)


def arm_name(n_queries, strategy, labels):
    """Name an arm that buys labels of virtual images."""
    return f"+ {n_queries} {strategy}, {labels} labels"


def run_training(args, draw, training, done):
    """Train the classifier of every arm that isn't in ``done``; return their accuracies.

    All arms of a training start from the same initial weights; trainings differ in initial
    weights, batches and virtual samples.
    """
    real = f"+ {args.n_labelled} real"
    chosen = [(n, name) for n in args.n_queries for name in args.strategies]
    arms = ["oracle", "native", real]
    arms += [arm_name(*choice, labels) for choice in chosen for labels in args.labels]
    if done.issuperset(arms):
        return {}

    gin, oracle = get_gin(args, draw), get_oracle(args)
    X, y, X_more, y_more, X_eval, y_eval = split(
        args.dataset, args.n_labelled, args.evaluate_on, draw
    )
    n_classes = len(np.unique(y))
    classes = np.eye(n_classes, dtype=np.float32)
    seed = 1000 * draw + training
    scores = {}

    def teach(X_new, labels):
        known = classes[y] if labels.ndim == 2 else y
        both = np.concatenate([X, X_new]), np.concatenate([known, labels])
        return train_classifier(args, *both, n_classes, seed)

    def score(arm, classifier):
        scores[arm] = classifier.score(X_eval, y_eval)
        print(f"draw {draw}, training {training}: {arm}: {scores[arm]:.4f}", flush=True)

    native = teach(X[:0], y[:0])  # every strategy asks it
    if "native" not in done:
        score("oracle", oracle)
        score("native", native)
        score(real, teach(X_more, y_more))
    for n_queries, name in chosen:
        names = {labels: arm_name(n_queries, name, labels) for labels in args.labels}
        missing = [labels for labels in args.labels if names[labels] not in done]
        if missing:
            strategy = STRATEGIES[name](FrozenEstimator(gin), random_state=seed).fit(X, y)
            with seeded_torch(0):
                X_new = strategy.synthesize(X, y, native, batch_size=n_queries).X
                soft = oracle.predict_proba(X_new)
            answers = {"soft": soft, "hard": soft.argmax(axis=1)}
            for labels in missing:
                score(names[labels], teach(X_new, answers[labels]))
    return scores
