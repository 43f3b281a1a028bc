"""The arms of `aisel.py`: what they learn from, which classifier they train, and the training.

Both changes of the classifier, augmentation and pooling, hold for every arm alike, the native
one included; the oracle is the same whatever they are.

Three arms ask no oracle, like the native one. "+ n ACGAN": as many images again, of an ACGAN
trained on the labelled ones, with the labels that it was asked for. "transfer": the classifier
starts from weights learnt on the whole of another set of images, MNIST for Fashion-MNIST and the
other way round (the paper: ResNet-18 and ImageNet); "transfer, last layer": and trains its last
layer alone, as in the paper.
"""

import json
import os
import sys
from argparse import Namespace
from functools import cache, partial
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from torch import nn

from skgal import ACGAN, AISEL, GIN, LatentRandom, LatentUncertainty
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
#: Updates of ACGAN, in about the processor time of 400 of GIN, its default for images.
ACGAN_UPDATES = 1000
#: What a network that is transferred has learnt from.
OTHER_SET = {"fashion_mnist": "mnist", "mnist": "fashion_mnist"}


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

    def __init__(self, network, flip=True, **parameters):
        super().__init__()
        self.network = network(**parameters)
        self.flip = flip

    def forward(self, images):
        """Return the logits; what is predicted sees the images as they are."""
        return self.network(flip_and_shift(images, flip=self.flip) if self.training else images)


def flip_and_shift(images, largest=2, *, flip=True):
    """Mirror half of the images, move each by up to ``largest`` pixels; what enters is black.

    The paper augments the images of all its networks (section 4.3: "e.g., rotation and
    horizontal flip") and gives no amounts; section 5.1.3 and appendix D don't mention it again.
    Shifts are for its rotations: clothes are photographed upright.
    """
    n, _, height, width = images.shape
    if flip:
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


def get_acgan(args, draw):
    """Train a generator of given classes on a draw's labelled images."""
    X, y, *_ = split(args.dataset, args.n_labelled, args.evaluate_on, draw)
    parameters = {
        "latent_dim": args.latent_dim,
        "max_iter": ACGAN_UPDATES,
        "adversarial_sampling": 1,  # none, as in its own paper
    }
    name = f"acgan-{args.dataset}-{len(X)}-{draw}-{joblib.hash(parameters)}"
    return cached(args.cache, name, lambda: ACGAN(random_state=draw, **parameters).fit(X, y))


def get_pretrained(args):
    """Train the classifier on the other set, as long as the oracle; return all but its head."""
    other = OTHER_SET[args.dataset]
    there = Namespace(**vars(args) | {"dataset": other, "classifier_updates": args.oracle_updates})

    def train():
        X, y = load_images(other, subset="train", return_X_y=True)
        trained = train_classifier(there, X, y, len(np.unique(y)), seed=0).module_
        return getattr(trained, "network", trained).features.state_dict()

    name = f"pretrained-{other}-{args.classifier}-{args.augment}-{args.oracle_updates}"
    return cached(args.cache, name, train)


def start_from(pretrained, freeze, network, **parameters):
    """Make a network that starts from pretrained features, and keeps their weights if told so."""
    made = network(**parameters)
    made.features.load_state_dict(pretrained)
    made.features.requires_grad_(not freeze)
    return made


def train_classifier(args, X, y, n_classes, seed, *, pretrained=None, freeze=False):
    """Train the classifier of an arm; ``y`` holds classes or class probabilities."""
    classifier = make_classifier(X, n_classes, n_updates=args.classifier_updates)
    network = CLASSIFIERS[args.classifier]
    if pretrained is not None:
        network = partial(start_from, pretrained, freeze, network)
    if args.augment:
        classifier.set_params(
            module=AugmentedClassifier,
            module__network=network,
            module__flip=args.dataset != "mnist",  # a digit mirrored is none
        )
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

    All arms of a training but those of transfer start from the same initial weights; trainings
    differ in initial weights, batches and virtual samples.
    """
    real, acgan = f"+ {args.n_labelled} real", f"+ {args.n_labelled} ACGAN"
    chosen = [(n, name) for n in args.n_queries for name in args.strategies]
    arms = ["oracle", "native", real, acgan]
    if args.dataset in OTHER_SET:
        arms += ["transfer", "transfer, last layer"]
    arms += [arm_name(*choice, labels) for choice in chosen for labels in args.labels]
    if done.issuperset(arms):
        return {}

    torch.set_num_threads(1)
    X, y, X_more, y_more, X_eval, y_eval = split(
        args.dataset, args.n_labelled, args.evaluate_on, draw
    )
    n_classes = len(np.unique(y))
    classes = np.eye(n_classes, dtype=np.float32)
    seed = 1000 * draw + training
    scores = {}

    def fit(X_new=X[:0], labels=y[:0], **start):
        known = classes[y] if labels.ndim == 2 else y
        both = np.concatenate([X, X_new]), np.concatenate([known, labels])
        return train_classifier(args, *both, n_classes, seed, **start)

    def score(arm, classifier):
        scores[arm] = classifier.score(X_eval, y_eval)
        print(f"draw {draw}, training {training}: {arm}: {scores[arm]:.4f}", flush=True)

    native = fit()  # every strategy asks it
    oracle, pretrained = get_oracle(args), cache(partial(get_pretrained, args))
    without_oracle = {
        "oracle": lambda: oracle,
        "native": lambda: native,
        real: lambda: fit(X_more, y_more),
        acgan: lambda: fit(*get_acgan(args, draw).sample(y=y, random_state=seed)),
        "transfer": lambda: fit(pretrained=pretrained()),
        "transfer, last layer": lambda: fit(pretrained=pretrained(), freeze=True),
    }
    for arm, train in without_oracle.items():
        if arm in arms and arm not in done:
            score(arm, train())
    gin = None
    for n_queries, name in chosen:
        names = {labels: arm_name(n_queries, name, labels) for labels in args.labels}
        missing = [labels for labels in args.labels if names[labels] not in done]
        if missing:
            gin = gin or FrozenEstimator(get_gin(args, draw))
            strategy = STRATEGIES[name](gin, random_state=seed).fit(X, y)
            with seeded_torch(0):
                X_new = strategy.synthesize(X, y, native, batch_size=n_queries).X
                soft = oracle.predict_proba(X_new)
            answers = {"soft": soft, "hard": soft.argmax(axis=1)}
            for labels in missing:
                score(names[labels], fit(X_new, answers[labels]))
    return scores
