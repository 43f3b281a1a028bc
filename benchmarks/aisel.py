"""AISEL on images with few labels: does it matter which virtual samples are labelled?

The set-up of the paper's section 5.1: a few labelled images, a generative invertible network
trained on them, virtual images labelled by an oracle (a classifier trained on the whole data
set), a classifier trained on both. Every arm's classifier makes the same number of updates,
since more samples at a fixed number of epochs would also mean more updates.

    python benchmarks/aisel.py --dataset fashion_mnist --seeds 0 1 2 3 4

Options are chosen with ``--evaluate-on validation`` (training images that no arm uses); the
committed results use the test images. ``--cache`` keeps the oracle and the generators.
"""

import argparse
import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import sklearn
import skorch
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler

from skgal.active import ActiveLearner, EstimatorOracle
from skgal.datasets import load_images
from skgal.engine import UpdatesLoader, seeded_torch
from skgal.generators import GIN
from skgal.nn import ConvClassifier
from skgal.query import AISEL, LatentRandom, LatentUncertainty

STRATEGIES = {
    "random": LatentRandom,
    "uncertainty": LatentUncertainty,
    "AISEL": AISEL,
}


def make_classifier(X, n_classes, *, n_updates, learning_rate=1e-3, widths=(32, 64, 64)):
    """Build the paper's classifier; its number of updates doesn't depend on the data."""
    n_epochs = 10
    return NeuralNetClassifier(
        ConvClassifier,
        module__image_shape=X.shape[1:],
        module__n_classes=n_classes,
        module__widths=widths,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=learning_rate,
        batch_size=64,
        max_epochs=n_epochs,
        iterator_train=UpdatesLoader,
        iterator_train__updates_per_epoch=n_updates // n_epochs,
        train_split=None,
        callbacks=[
            (
                "schedule",
                LRScheduler(
                    torch.optim.lr_scheduler.CosineAnnealingLR,
                    T_max=n_updates,
                    step_every="batch",
                ),
            )
        ],
        verbose=0,
    )


def train_oracle(dataset, n_updates):
    """Train the oracle on all training images."""
    X, y = load_images(dataset, subset="train", return_X_y=True)
    oracle = make_classifier(X, len(np.unique(y)), n_updates=n_updates, widths=(64, 128, 128))
    with seeded_torch(0):
        return oracle.fit(X, y)


def split(dataset, n_labelled, evaluate_on, seed):
    """Draw the labelled images, as many further ones, and the images to score on."""
    X, y = load_images(dataset, subset="train", return_X_y=True)
    X_few, X_rest, y_few, y_rest = train_test_split(
        X, y, train_size=n_labelled, stratify=y, random_state=seed
    )
    X_more, X_rest, y_more, y_rest = train_test_split(
        X_rest, y_rest, train_size=n_labelled, stratify=y_rest, random_state=seed
    )
    if evaluate_on == "test":
        return X_few, y_few, X_more, y_more, *load_images(dataset, subset="test", return_X_y=True)
    return X_few, y_few, X_more, y_more, X_rest[:5000], y_rest[:5000]


def train_gin(dataset, n_labelled, seed, parameters):
    """Train the generative invertible network on the labelled images alone."""
    X_few, *_ = split(dataset, n_labelled, "validation", seed)
    return GIN(random_state=seed, **parameters).fit(X_few)


def run_seed(args, seed, memory):
    """Run every arm for one draw of labelled images; return the accuracies."""
    X, y, X_more, y_more, X_eval, y_eval = split(
        args.dataset, args.n_labelled, args.evaluate_on, seed
    )
    oracle = memory.cache(train_oracle)(args.dataset, args.oracle_updates)
    gin = memory.cache(train_gin)(args.dataset, args.n_labelled, seed, gin_parameters(args))
    make = partial(make_classifier, X, len(np.unique(y)), n_updates=args.classifier_updates)

    def fit_and_score(X_train, y_train):
        with seeded_torch(seed):
            return make().fit(X_train, y_train).score(X_eval, y_eval)

    scores = {
        "oracle": oracle.score(X_eval, y_eval),
        "native": fit_and_score(X, y),
        f"+ {args.n_labelled} real": fit_and_score(
            np.concatenate([X, X_more]), np.concatenate([y, y_more])
        ),
    }
    for answer in args.answers:
        for name in args.strategies:
            for n_queries in args.n_queries:
                learner = ActiveLearner(
                    make(),
                    STRATEGIES[name](FrozenEstimator(gin)),
                    oracle=EstimatorOracle(oracle, soft=answer == "soft"),
                    batch_size=-(-n_queries // args.rounds),
                    budget=n_queries,
                    random_state=seed,
                ).fit(X, y)
                arm = f"+ {n_queries} {name}, {answer}"
                scores[arm] = learner.score(X_eval, y_eval)
                print(seed, arm, scores[arm], flush=True)
    return {name: float(score) for name, score in scores.items()}


def gin_parameters(args):
    """Collect the options that decide the generator."""
    return {
        "latent_dim": args.latent_dim,
        "max_iter": args.gin_updates,
        **json.loads(args.gin),
    }


def summarize(runs):
    """Return mean, standard deviation and the paired difference to AISEL of each arm."""
    return {
        arm: {
            "mean": statistics.mean(run[arm] for run in runs),
            "sd": statistics.stdev(run[arm] for run in runs) if len(runs) > 1 else None,
        }
        for arm in runs[0]
    }


def write(args, runs, started):
    """Write what is there so far; a long run leaves its results step by step."""
    args.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "command": "python " + " ".join(sys.argv),
        "settings": {key: str(value) for key, value in vars(args).items() if key != "cache"},
        "versions": {
            module.__name__: module.__version__ for module in (sklearn, skorch, torch, np)
        },
        "seconds": round(time.time() - started),
        "runs": runs,
        "summary": summarize(list(runs.values())),
    }
    args.output.write_text(json.dumps(report, indent=1) + "\n")
    return report


def main():
    """Run all seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--n-labelled", type=int, default=400)
    parser.add_argument("--n-queries", type=int, nargs="+", default=[400])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--answers", nargs="+", default=["hard", "soft"])
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--evaluate-on", choices=["test", "validation"], default="test")
    parser.add_argument("--latent-dim", type=int, default=8)
    parser.add_argument("--gin-updates", type=int, default=3000)
    parser.add_argument("--gin", default="{}", help="further parameters of GIN, as JSON")
    parser.add_argument("--classifier-updates", type=int, default=1000)
    parser.add_argument("--oracle-updates", type=int, default=6000)
    parser.add_argument("--cache", default=None, help="folder for trained oracle and generators")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/aisel.json"))
    args = parser.parse_args()

    memory = joblib.Memory(args.cache, verbose=0)
    started, runs = time.time(), {}
    for seed in args.seeds:
        runs[str(seed)] = run_seed(args, seed, memory)
        report = write(args, runs, started)
    for arm, score in report["summary"].items():
        spread = "" if score["sd"] is None else f" +- {score['sd']:.4f}"
        print(f"{arm:28s} {score['mean']:.4f}{spread}")


if __name__ == "__main__":
    main()
