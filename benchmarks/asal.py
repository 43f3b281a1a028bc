"""Does ASAL save labels? Pairs of classes of MNIST and Fashion-MNIST, against random and a scan.

The pool is the first 6,000 training images of the pair, the classifier LogisticRegression on
pixels / 255; 20 random labels to begin with, the same for all arms of a seed, 10 a round, 220 in
all; the score is the accuracy on the test images of the pair. A GAN is trained on each pool,
without labels, and shared by its arms. Defaults were tuned on pairs of MNIST; ``--draw`` names
pairs of a set by a seed, before any of them has been looked at:

    python benchmarks/asal.py --dataset mnist --pairs 3-8 4-9 --output asal_tuning.json
    python benchmarks/asal.py --dataset fashion_mnist --draw 6

An arm is "random", "scan", "scan of N" (N rows of the pool drawn at random in each round, what a
query may cost that doesn't grow with the pool) or parameters of ASAL as JSON, {} for its defaults.
Cells that the output holds are not run again. ``--cache`` keeps the GANs.
"""

import argparse
import json
import sys
from itertools import combinations
from pathlib import Path
from time import process_time

import joblib
import numpy as np
import sklearn
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skgal import ASAL, GAN, RandomSampling, UncertaintySampling
from skgal.datasets import load_images
from skgal.metrics import entropy
from skgal.nn import DCGAN

N_IMAGES, N_INITIAL, BATCH_SIZE, BUDGET = 6000, 20, 10, 220
PAPER = {"measure": "entropy", "oversampling": 1, "n_neighbors": 1, "n_random": 0, "align": False}
HYBRID = {"oversampling": 5, "n_neighbors": 20, "n_random": 0, "align": False}
ARMS = ["random", "scan", "scan of 1000", json.dumps(PAPER), json.dumps(HYBRID), "{}"]


def two_classes(dataset, pair, subset):
    """Return the images of a pair of classes, as rows of pixels from 0 to 1, and their classes."""
    X, y = load_images(dataset, subset=subset, return_X_y=True)
    wanted = np.flatnonzero(np.isin(y, pair))
    if subset == "train":
        wanted = wanted[:N_IMAGES]
    return (X[wanted] / np.float32(255)).reshape(-1, 784), y[wanted]


def fitted_gan(args, pair, X):
    """Train the GAN of a pool, or load what an earlier run trained."""
    gan = GAN(
        max_iter=args.gan_updates,
        architecture=DCGAN(width=args.gan_width),
        image_shape=(1, 28, 28),
        random_state=0,
    )
    path = args.cache / f"{args.dataset}-{pair[0]}-{pair[1]}-{joblib.hash(str(gan))}.joblib"
    if not path.exists():
        args.cache.mkdir(parents=True, exist_ok=True)
        joblib.dump(gan.fit(X), path)
    return joblib.load(path)


def choose(arm, strategy, X, shown, clf, rng):
    """Choose the next batch."""
    if arm.startswith("scan of"):
        unlabelled = np.flatnonzero(np.isnan(shown))
        n_rows = min(int(arm.split()[-1]), len(unlabelled))
        candidates = rng.choice(unlabelled, n_rows, replace=False)
        return strategy.query(X, shown, clf, candidates=candidates, batch_size=BATCH_SIZE)
    return strategy.query(X, shown, clf, batch_size=BATCH_SIZE)


def make_strategy(arm, gan, seed):
    """Make the strategy of an arm."""
    if arm == "random":
        return RandomSampling(random_state=seed)
    if arm.startswith("scan"):
        return UncertaintySampling(random_state=seed)
    return ASAL(FrozenEstimator(gan), random_state=seed, **json.loads(arm))


def run(args, arm, gan, data, seed):
    """Label round after round."""
    X, y, X_test, y_test = data
    rng = np.random.RandomState(seed)
    order = rng.permutation(len(y))
    shown = np.full(len(y), np.nan)
    shown[order[:N_INITIAL]] = y[order[:N_INITIAL]]
    strategy = make_strategy(arm, gan, seed).fit(X)
    accuracies, chosen_entropy, seconds = [], [], []
    while True:
        known = ~np.isnan(shown)
        clf = LogisticRegression(C=args.C, max_iter=1000).fit(X[known], y[known])
        accuracies.append(round(100 * clf.score(X_test, y_test), 2))
        if known.sum() >= BUDGET:
            break
        start = process_time()
        chosen = choose(arm, strategy, X, shown, clf, rng)
        seconds.append(process_time() - start)
        chosen_entropy.append(float(entropy(clf.predict_proba(X[chosen])).mean()))
        shown[chosen] = y[chosen]
    chosen_classes = np.delete(y[known], np.searchsorted(np.flatnonzero(known), order[:N_INITIAL]))
    return {
        "accuracy": accuracies,
        "entropy of the chosen": round(float(np.mean(chosen_entropy)), 4),
        "share of the rarer class": round(
            float(np.unique(chosen_classes, return_counts=True)[1].min() / len(chosen_classes)), 3
        ),
        "CPU seconds a query": round(float(np.median(seconds)), 3),
    }


def summarize(cells):
    """Return each arm's final and mean accuracy minus random's, paired; errors over pairs."""
    summary = {}
    for arm in dict.fromkeys(key.split(" | ")[2] for key in cells):
        final, over_rounds, each, picked, seconds = {}, {}, {}, [], []
        for key, cell in cells.items():
            pair, setting, name, seed = key.split(" | ")
            reference = cells.get(f"{pair} | {setting} | random | {seed}")
            if name != arm or reference is None:
                continue
            gain = np.subtract(cell["accuracy"], reference["accuracy"])
            final.setdefault(f"{pair}, {setting}", []).append(gain[-1])
            over_rounds.setdefault(f"{pair}, {setting}", []).append(gain[1:].mean())
            each.setdefault(f"{pair}, {setting}", []).append(cell["accuracy"][-1])
            picked.append((cell["entropy of the chosen"], cell["share of the rarer class"]))
            seconds.append(cell["CPU seconds a query"])
        if final:
            summary[arm] = {
                "after the last label, minus random": _mean_and_error(final),
                "mean of all rounds, minus random": _mean_and_error(over_rounds),
                "accuracy after the last label": _by_pair(each),
                "minus random, by pair": _by_pair(final),
                "entropy of the chosen": round(float(np.mean([e for e, _ in picked])), 3),
                "share of the rarer class": round(float(np.mean([s for _, s in picked])), 3),
                "CPU seconds a query": round(float(np.mean(seconds)), 3),
                "n_cells": len(seconds),
            }
    return summary


def _by_pair(values):
    return {pair: round(float(np.mean(some)), 2) for pair, some in values.items()}


def _mean_and_error(values):
    """Average over pairs of the averages over seeds, and its standard error over pairs."""
    means = np.array([np.mean(some) for some in values.values()])
    error = means.std(ddof=1) / len(means) ** 0.5 if len(means) > 1 else np.nan
    return [round(float(means.mean()), 2), round(float(error), 2)]


def main():
    """Run the cells that are missing, and print each arm's gain over random."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=["mnist", "fashion_mnist"], default="fashion_mnist")
    parser.add_argument("--pairs", nargs="+", default=[], help="such as 3-8")
    parser.add_argument("--draw", type=int, default=0, help="so many pairs, drawn by a fixed seed")
    parser.add_argument("--arms", nargs="+", default=ARMS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--C", type=float, default=1.0)
    parser.add_argument("--gan-updates", type=int, default=1000)
    parser.add_argument("--gan-width", type=int, default=24)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/skgal-asal"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/asal_pairs.json"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    drawn = np.random.RandomState(2026).permutation(list(combinations(range(10), 2)))[: args.draw]
    pairs = [tuple(map(int, pair.split("-"))) for pair in args.pairs]
    cells = json.loads(args.output.read_text())["cells"] if args.output.exists() else {}
    for pair in pairs + [tuple(pair) for pair in drawn.tolist()]:
        name = f"{args.dataset} {pair[0]}-{pair[1]} | C={args.C:g}"
        if all(f"{name} | {arm} | {seed}" in cells for arm in args.arms for seed in args.seeds):
            continue
        data = *two_classes(args.dataset, pair, "train"), *two_classes(args.dataset, pair, "test")
        gan = fitted_gan(args, pair, data[0])
        for seed in args.seeds:
            for arm in args.arms:
                key = f"{name} | {arm} | {seed}"
                if key in cells:
                    continue
                cells[key] = run(args, arm, gan, data, seed)
                report = {
                    "command": "python " + " ".join(sys.argv),
                    "settings": {k: str(v) for k, v in vars(args).items() if k != "cache"},
                    "versions": {m.__name__: m.__version__ for m in (np, sklearn, torch)},
                    "summary": summarize(cells),
                    "cells": cells,
                }
                args.output.parent.mkdir(parents=True, exist_ok=True)
                args.output.write_text(json.dumps(report, indent=1) + "\n")
                print(
                    key, cells[key]["accuracy"][::5], cells[key]["CPU seconds a query"], flush=True
                )
    for arm, gains in summarize(cells).items():
        print(f"{arm:90s}", gains["after the last label, minus random"], gains["n_cells"])


if __name__ == "__main__":
    main()
