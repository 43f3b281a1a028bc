"""Does ASAL save labels? Pairs of classes, and all ten, of MNIST and Fashion-MNIST.

The pool is the first 6,000 training images of the classes, the classifier LogisticRegression on
pixels / 255 or a small convolutional network; 20 random labels to begin with, the same for all arms
of a seed, 10 a round, 220 in all (ten classes: 100, 50, 1,000); the score is the accuracy on the
test images of these classes. A GAN is trained on each pool, without labels, and shared by its arms.
Defaults were tuned on pairs of MNIST; ``--draw`` names pairs of a set by a seed, before any of them
has been looked at:

    python benchmarks/asal.py --draw 12 --C 1 0.01
    python benchmarks/asal.py --pairs all --arms random scan "scan of 1000" "{}"
    python benchmarks/asal.py --draw 3 --C conv

An arm is "random", "scan", "scan of N" (N rows of the pool drawn at random in each round, what a
query may cost that doesn't grow with the pool), both by entropy, or "distance scan" and "distance
scan of N", by the distance to the boundary, which ASAL's defaults go by; "core-set", "GAAL" or
"ADBA" (a generated image has the label of the nearest image of the pool, in pixels); or parameters
of ASAL as JSON, {} for its defaults.
Cells that the output holds are not run again. ``--cache`` keeps the GANs.
"""

import argparse
import json
import warnings
from itertools import combinations
from pathlib import Path
from time import process_time

import joblib
import numpy as np
import sklearn
import torch
from report import ReportFile
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances_argmin
from skorch import NeuralNetClassifier

from skgal import ADBA, ASAL, GAAL, GAN, GIN, CoreSet, RandomSampling, UncertaintySampling
from skgal.datasets import load_images
from skgal.exceptions import PoorSamplesWarning, UselessMatchesWarning
from skgal.generators import Autoencoder
from skgal.metrics import entropy
from skgal.nn import DCGAN, ConvClassifier
from skgal.utils import seeded_torch

N_IMAGES, IMAGE_SHAPE = 6000, (1, 28, 28)
PAIR, TEN_CLASSES = (20, 10, 220), (100, 50, 1000)  # initial labels, of a round, in all
PAPER = {"measure": "entropy", "oversampling": 1, "n_neighbors": 1, "n_random": 0, "align": False}
HYBRID = {"oversampling": 5, "n_neighbors": 20, "n_random": 0, "align": False}
SYNTHETIC = ("GAAL", "ADBA")
ARMS = ["random", "scan", "scan of 1000", json.dumps(PAPER), json.dumps(HYBRID), "{}"]


class FlatConvClassifier(ConvClassifier):
    """A ConvClassifier of rows of pixels."""

    def forward(self, X):
        """Return logits."""
        return super().forward(X.unflatten(1, IMAGE_SHAPE))


def load_task(dataset, classes, subset):
    """Return images as rows of pixels from 0 to 1, and their classes as numbers from 0."""
    X, y = load_images(dataset, subset=subset, return_X_y=True)
    wanted = np.flatnonzero(np.isin(y, classes))
    if subset == "train":
        wanted = wanted[:N_IMAGES]
    return (X[wanted] / np.float32(255)).reshape(-1, 784), np.searchsorted(classes, y[wanted])


def fitted(model, name, X, cache):
    """Train a model of a pool, or load what an earlier run trained."""
    path = cache / f"{name}-{joblib.hash(str(model))}.joblib"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        joblib.dump(model.fit(X), path)
    return FrozenEstimator(joblib.load(path))


def make_strategy(arm, seed, fit_once):
    """Make the strategy of an arm."""
    if arm == "random":
        return RandomSampling(random_state=seed)
    if "scan" in arm:
        measure = "min_distance" if arm.startswith("distance") else "entropy"
        return UncertaintySampling(measure, random_state=seed)
    if arm == "core-set":
        return CoreSet(random_state=seed)
    if arm == "ADBA":
        return ADBA(fit_once("GIN"), random_state=seed)
    gan = fit_once("GAN")
    if arm == "GAAL":
        return GAAL(gan, random_state=seed)
    parameters = json.loads(arm)
    if parameters.get("features") == "autoencoder":  # that of ASAL, once for all seeds
        parameters["features"] = fit_once("autoencoder")
    return ASAL(gan, random_state=seed, **parameters)


def fitted_classifier(setting, X, y, n_classes):
    """Train what learns from the labels; the setting is ``C``, or "conv"."""
    if setting != "conv":
        return LogisticRegression(C=float(setting), max_iter=1000).fit(X, y)
    net = NeuralNetClassifier(
        FlatConvClassifier,
        module__image_shape=IMAGE_SHAPE,
        module__n_classes=n_classes,
        module__widths=(16, 32, 32),
        module__hidden=(64, 64),
        module__value_range=(0.0, 1.0),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=30,
        batch_size=20,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    with seeded_torch(0):
        return net.fit(X, y)


def run(setting, arm, data, seed, fit_once):
    """Label round after round."""
    X, y, X_test, y_test = data
    n_pool, n_classes = len(y), y.max() + 1
    n_initial, batch_size, budget = PAIR if n_classes == 2 else TEN_CLASSES
    rng = np.random.RandomState(seed)
    initial = rng.permutation(n_pool)[:n_initial]
    shown = np.full(n_pool, np.nan)
    shown[initial] = y[initial]
    strategy = make_strategy(arm, seed, fit_once).fit(X)
    accuracies, chosen_entropy, chosen_classes, seconds = [], [], [], []
    while True:
        known = np.flatnonzero(~np.isnan(shown))
        clf = fitted_classifier(setting, X[known], shown[known].astype(np.int64), n_classes)
        accuracies.append(round(100 * clf.score(X_test, y_test), 2))
        if len(known) >= budget:
            break
        start = process_time()
        if arm in SYNTHETIC:
            new = strategy.synthesize(X[known], shown[known], clf, batch_size=batch_size).X
        else:
            candidates = None
            if "scan of" in arm:
                unlabelled = np.flatnonzero(np.isnan(shown))
                n_rows = min(int(arm.split()[-1]), len(unlabelled))
                candidates = rng.choice(unlabelled, n_rows, replace=False)
            chosen = strategy.query(X, shown, clf, candidates=candidates, batch_size=batch_size)
        seconds.append(process_time() - start)
        if arm in SYNTHETIC:
            chosen = np.arange(len(X), len(X) + len(new))
            y = np.append(y, y[pairwise_distances_argmin(new, X[:n_pool])])
            X, shown = np.concatenate([X, new]), np.append(shown, np.full(len(new), np.nan))
        chosen_entropy.append(float(entropy(clf.predict_proba(X[chosen])).mean()))
        chosen_classes.extend(y[chosen])
        shown[chosen] = y[chosen]
    counts = np.bincount(chosen_classes, minlength=n_classes)
    return {
        "accuracy": accuracies,
        "entropy of the chosen": round(float(np.mean(chosen_entropy)), 4),
        "share of the rarest class": round(float(counts.min() / counts.sum()), 3),
        "CPU seconds a query": round(float(np.median(seconds)), 3),
    }


def summarize(cells):
    """Return by setting and arm the gains over random, paired; errors are over pairs of classes."""
    groups = {}
    for key, cell in cells.items():
        task, setting, arm, seed = key.split(" | ")
        dataset, classes = task.split(" ")
        group = f"{dataset}, {'ten classes' if classes == 'all' else 'pairs'}, {setting}"
        groups.setdefault(group, {}).setdefault(arm, {}).setdefault(classes, {})[seed] = cell
    summary = {}
    for group, arms in groups.items():
        scan = _gains(arms, "scan")
        for arm, pairs in arms.items():
            final = _gains(arms, arm)
            every = [cell for cells in pairs.values() for cell in cells.values()]
            report = {"n_cells": len(every)}
            report["accuracy after the last label"] = _mean([c["accuracy"][-1] for c in every])
            if arm != "random" and final:
                means = {pair: float(gains.mean()) for pair, gains in final.items()}
                report["after the last label, minus random"] = _mean_and_error(list(means.values()))
                over_rounds = _gains(arms, arm, over_rounds=True).values()
                report["mean of all rounds, minus random"] = _mean_and_error(
                    [gains.mean() for gains in over_rounds]
                )
                both = [pair for pair in means if pair in scan]
                of_scan = np.sum([scan[pair].mean() for pair in both])
                report["share of the scan's gain"] = _mean([sum(means[p] for p in both) / of_scan])
                report["minus random, by pair"] = {
                    pair: _mean_and_error(gains) for pair, gains in final.items()
                }
            for name in ("entropy of the chosen", "share of the rarest class"):
                report[name] = _mean([cell[name] for cell in every], 3)
            report["CPU seconds a query"] = _mean([c["CPU seconds a query"] for c in every], 3)
            for name in ("PoorSamplesWarning", "UselessMatchesWarning"):
                report[f"cells with a {name}"] = sum(cell[name] > 0 for cell in every)
            summary.setdefault(group, {})[arm] = report
    return summary


def _gains(arms, arm, *, over_rounds=False):
    """Return by pair an array of an arm's lead over random, a seed each."""
    gains = {}
    for pair, cells in arms.get(arm, {}).items():
        random = arms.get("random", {}).get(pair, {})
        leads = [
            np.subtract(cell["accuracy"], random[seed]["accuracy"])
            for seed, cell in cells.items()
            if seed in random
        ]
        if leads:
            gains[pair] = np.array([g[1:].mean() if over_rounds else g[-1] for g in leads])
    return gains


def _mean(values, digits=2):
    return round(float(np.mean(values)), digits)


def _mean_and_error(values):
    """Return a mean and its standard error; the error of one value is None."""
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else None
    return [_mean(values), error if error is None else round(float(error), 2)]


def main():
    """Run the cells that are missing, and print each arm's gain over random."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=["mnist", "fashion_mnist"], default="fashion_mnist")
    parser.add_argument("--pairs", nargs="+", default=[], help="such as 3-8; all: ten classes")
    parser.add_argument("--draw", type=int, default=0, help="so many pairs, drawn by a fixed seed")
    parser.add_argument("--arms", nargs="+", default=ARMS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--C", nargs="+", default=["1"], help="a number, or conv for a network")
    parser.add_argument("--gan-updates", type=int, default=1000)
    parser.add_argument("--gan-width", type=int, help="of a narrow DCGAN; GAN's default otherwise")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/skgal-asal"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/asal_pairs.json"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    drawn = np.random.RandomState(2026).permutation(list(combinations(range(10), 2)))[: args.draw]
    gan = {"gan_updates": args.gan_updates, "gan_width": args.gan_width}
    report = ReportFile(args.output, gan, [np, sklearn, torch])
    cells = report.read_runs()
    models = {
        "GAN": GAN(
            max_iter=args.gan_updates,
            architecture="auto" if args.gan_width is None else DCGAN(width=args.gan_width),
            image_shape=IMAGE_SHAPE,
            random_state=0,
        ),
        "GIN": GIN(max_iter=args.gan_updates, image_shape=IMAGE_SHAPE, random_state=0),
        "autoencoder": Autoencoder(image_shape=IMAGE_SHAPE, random_state=0),
    }
    for pair in args.pairs + ["-".join(map(str, pair)) for pair in drawn.tolist()]:
        classes = np.arange(10) if pair == "all" else np.sort(np.array(pair.split("-"), int))
        missing = [
            (key, setting, arm, seed)
            for setting in args.C
            for seed in args.seeds
            for arm in args.arms
            if (key := _key(args.dataset, pair, setting, arm, seed)) not in cells
        ]
        if not missing:
            continue
        train = load_task(args.dataset, classes, "train")
        data = *train, *load_task(args.dataset, classes, "test")

        def fit_once(name, pair=pair, X=train[0]):
            return fitted(models[name], f"{args.dataset}-{pair}", X, args.cache)

        for key, setting, arm, seed in missing:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                cells[key] = run(setting, arm, data, seed, fit_once)
            for kind in (PoorSamplesWarning, UselessMatchesWarning):
                cells[key][kind.__name__] = sum(issubclass(w.category, kind) for w in caught)
            report.write(cells, summary=summarize(cells))
            print(key, cells[key]["accuracy"][::5], cells[key]["CPU seconds a query"], flush=True)
    for group, arms in summarize(cells).items():
        for arm, of_arm in arms.items():
            print(f"{group} | {arm:90s}", of_arm.get("after the last label, minus random"))


def _key(dataset, pair, setting, arm, seed):
    """Name a cell."""
    setting = setting if setting == "conv" else f"C={float(setting):g}"
    return f"{dataset} {pair} | {setting} | {arm} | {seed}"


if __name__ == "__main__":
    main()
