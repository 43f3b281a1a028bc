"""ASAL on MNIST, 5 against 7: labels saved by asking about samples like generated ones.

Figure 3a of the paper: a pool of 10,000 training images, a linear classifier on the pixels, 50
random labels to begin with, 10 a round, 500 in all, five seeds. All strategies of a seed begin
with the same 50 images. Generator and autoencoder are trained on the pool, without labels, so
one of each serves all seeds. The generator is skgal's default, not the paper's WGAN-GP of
40,000 updates.

    python benchmarks/asal.py --cache DIR

``--classifier adam`` is the paper's (ten epochs of Adam, batches of 10, learning rate 0.001);
``logistic`` is scikit-learn's LogisticRegression(C=0.1). Options are chosen with ``--evaluate-on
validation`` (the 1,686 training images of the two digits that are not in the pool); the
committed results use the test images. ``--cache`` keeps generator and autoencoder.
"""

import argparse
import json
import sys
from pathlib import Path
from time import process_time

import joblib
import numpy as np
import sklearn
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier

from skgal import ASAL, GAN, Autoencoder, RandomSampling, UncertaintySampling
from skgal.datasets import load_images
from skgal.metrics import entropy
from skgal.utils import seeded_nets, seeded_torch

POOL_SIZE = 10_000
CLASSES = (5, 7)
STRATEGIES = {
    "random": lambda nets, seed: RandomSampling(random_state=seed),
    "ASAL, entropy": lambda nets, seed: ASAL(nets["gan"], random_state=seed),
    "uncertainty": lambda nets, seed: UncertaintySampling(random_state=seed),
    "ASAL, distance": lambda nets, seed: ASAL(
        nets["gan"], measure="min_distance", random_state=seed
    ),
    "ASAL, critic": lambda nets, seed: ASAL(nets["gan"], features="critic", random_state=seed),
    "ASAL, autoencoder": lambda nets, seed: ASAL(
        nets["gan"], features=nets["autoencoder"], random_state=seed
    ),
    "ASAL, all 100 steps": lambda nets, seed: ASAL(nets["gan"], tol=None, random_state=seed),
}
PAPER = {
    "source": "ASAL, figure 3a and sections 5.1 and 5.4",
    "labels to 98.5 %": {"ASAL": 200, "random": 500},
    "entropy of the chosen, relative to random": {"ASAL": 1.63},
}
TARGET = 0.985
SHOWN = (
    f"labels to a mean of {TARGET}",
    "least ahead of random, 100 to 300",
    "mean ahead of random, 100 to 300",
    "entropy of the chosen, relative to random",
)


def split(evaluate_on):
    """Return the pool and the images to score on, as rows of pixels from 0 to 1."""
    X, y = _two_digits("train")
    if evaluate_on == "test":
        return X[:POOL_SIZE], y[:POOL_SIZE], *_two_digits("test")
    return X[:POOL_SIZE], y[:POOL_SIZE], X[POOL_SIZE:], y[POOL_SIZE:]


def _two_digits(subset):
    X, y = load_images("mnist", subset=subset, return_X_y=True)
    wanted = np.isin(y, CLASSES)
    return (X[wanted] / np.float32(255)).reshape(-1, 784), y[wanted]


def get_nets(args, X):
    """Train generator and autoencoder on the pool, or load what an earlier run trained."""
    nets = {"gan": GAN(latent_dim=128, max_iter=args.gan_updates, **json.loads(args.gan))}
    if "ASAL, autoencoder" in args.strategies:
        nets["autoencoder"] = Autoencoder(max_iter=args.autoencoder_updates)
    return {name: FrozenEstimator(_fitted(args, name, net, X)) for name, net in nets.items()}


def _fitted(args, name, net, X):
    net.set_params(image_shape=(1, 28, 28), random_state=0)
    path = args.cache and Path(args.cache) / f"{name}-{joblib.hash(str(net))}.joblib"
    if path and path.exists():
        return joblib.load(path)
    net.fit(X)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump(net, path)
    return net


def fit_classifier(args, X, y):
    """Fit a linear classifier from scratch."""
    if args.classifier == "logistic":
        return LogisticRegression(C=0.1, max_iter=1000).fit(X, y)
    with seeded_torch(0):
        net = NeuralNetClassifier(
            torch.nn.Linear(X.shape[1], len(CLASSES)),
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=0.001,
            batch_size=10,
            max_epochs=10,
            train_split=None,
            callbacks="disable",
            verbose=0,
        )
        return net.fit(X, np.searchsorted(CLASSES, y))


def predict_proba(clf, X):
    """Predict without drawing from torch's global generator."""
    with seeded_nets(clf):
        return clf.predict_proba(X)


def run(args, strategy, data, seed):
    """Label round after round; return accuracies, entropies of the chosen, and CPU seconds."""
    X, y, X_eval, y_eval = data
    shown = np.full(len(y), np.nan)
    initial = np.random.RandomState(seed).permutation(len(y))[: args.initial]
    shown[initial] = y[initial]
    accuracies, entropies, seconds = [], [], []
    while True:
        known = ~np.isnan(shown)
        clf = fit_classifier(args, X[known], y[known])
        proba = predict_proba(clf, X_eval)
        accuracies.append(
            round(float(np.mean(np.take(CLASSES, proba.argmax(axis=1)) == y_eval)), 5)
        )
        if known.sum() >= args.budget:
            break
        start = process_time()
        chosen = strategy.query(X, shown, clf, batch_size=args.batch_size)
        seconds.append(process_time() - start)
        entropies.append(round(float(entropy(predict_proba(clf, X[chosen])).mean()), 5))
        shown[chosen] = y[chosen]
    return {
        "accuracy": accuracies,
        "entropy of the chosen": entropies,
        "CPU seconds a query": round(float(np.median(seconds)), 5),
    }


def summarize(args, runs):
    """Average over the seeds that are there; say where each strategy reaches the target."""
    budgets = list(range(args.initial, args.budget + 1, args.batch_size))
    summary = {"labels": budgets}
    for name, seeds in runs.items():
        curves = np.array([run["accuracy"] for run in seeds.values()])
        mean = curves.mean(axis=0)
        summary[name] = {
            "mean accuracy": mean.round(5).tolist(),
            "lowest": curves.min(axis=0).tolist(),
            "highest": curves.max(axis=0).tolist(),
            f"labels to a mean of {TARGET}": _first(budgets, mean),
            f"labels to {TARGET}, by seed": [_first(budgets, curve) for curve in curves],
            "entropy of the chosen": _mean_entropy(seeds),
        }
    if "random" in runs:
        reference = np.array(summary["random"]["mean accuracy"])
        between = (np.array(budgets) >= 100) & (np.array(budgets) <= 300)
        for name in runs.keys() - {"random"}:
            ahead = np.array(summary[name]["mean accuracy"]) - reference
            summary[name]["least ahead of random, 100 to 300"] = round(ahead[between].min(), 5)
            summary[name]["mean ahead of random, 100 to 300"] = round(ahead[between].mean(), 5)
            summary[name]["entropy of the chosen, relative to random"] = round(
                _mean_entropy(runs[name]) / _mean_entropy(runs["random"]), 3
            )
    return summary


def _first(budgets, curve):
    reached = np.flatnonzero(np.asarray(curve) >= TARGET)
    return budgets[reached[0]] if len(reached) else None


def _mean_entropy(seeds):
    return round(float(np.mean([run["entropy of the chosen"] for run in seeds.values()])), 5)


def measure_stopping(args, gan, data, repeats=5):
    """Compare one query of 50 with and without stopping converged latents, in CPU seconds."""
    X, y, _, _ = data
    shown = np.where(np.arange(len(y)) < 100, y, np.nan)
    clf = fit_classifier(args, X[:100], y[:100])
    report = {}
    for name, tol in {"all 100 steps": None, "stopping": 1e-3}.items():
        strategy = ASAL(gan, tol=tol, random_state=0).fit(X)
        seconds = []
        for _ in range(repeats):
            start = process_time()
            chosen = strategy.query(X, shown, clf, batch_size=50)
            seconds.append(process_time() - start)
        report[name] = {
            "CPU seconds": round(min(seconds), 4),
            "entropy of the chosen": round(float(entropy(predict_proba(clf, X[chosen])).mean()), 5),
        }
    ratio = report["all 100 steps"]["CPU seconds"] / report["stopping"]["CPU seconds"]
    return {**report, "times faster": round(ratio, 2)}


def write(args, runs, stopping):
    """Write what is there so far; a long run leaves its results step by step."""
    args.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "command": "python " + " ".join(sys.argv),
        "settings": {
            key: str(value) for key, value in vars(args).items() if key not in ("cache", "output")
        },
        "versions": {module.__name__: module.__version__ for module in (np, sklearn, torch)},
        "paper": PAPER,
        "summary": summarize(args, runs),
        "one query of 50": stopping,
        "runs": runs,
    }
    args.output.write_text(json.dumps(report, indent=1) + "\n")
    return report


def main():
    """Run all seeds and print where each strategy reaches the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    parser.add_argument("--initial", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=10)
    parser.add_argument("--budget", type=int, default=500)
    parser.add_argument("--classifier", choices=["adam", "logistic"], default="adam")
    parser.add_argument("--gan-updates", type=int, default=4000)
    parser.add_argument("--gan", default="{}", help="further parameters of GAN, as JSON")
    parser.add_argument("--autoencoder-updates", type=int, default=2500)
    parser.add_argument("--evaluate-on", choices=["test", "validation"], default="test")
    parser.add_argument(
        "--cache", default=None, help="folder for trained generator and autoencoder"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/asal.json"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    data = split(args.evaluate_on)
    nets = get_nets(args, data[0])
    stopping = measure_stopping(args, nets["gan"], data)
    runs = {}
    for name in args.strategies:
        for seed in args.seeds:
            strategy = STRATEGIES[name](nets, seed).fit(data[0])
            runs.setdefault(name, {})[str(seed)] = run(args, strategy, data, seed)
            report = write(args, runs, stopping)
            print(f"seed {seed}: {name}: {runs[name][str(seed)]['accuracy'][::5]}", flush=True)
    for name in args.strategies:
        shown = {
            key: report["summary"][name][key] for key in SHOWN if key in report["summary"][name]
        }
        print(f"{name:20s}", json.dumps(shown))


if __name__ == "__main__":
    main()
