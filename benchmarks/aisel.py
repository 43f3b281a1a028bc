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

from skgal import GIN, ActiveLearner, EstimatorOracle
from skgal.datasets import load_images

sys.path.append(str(Path(__file__).parents[1] / "examples"))
from demo import STRATEGIES, fit_plain, make_classifier, train_oracle


def cached(folder, name, make):
    """Load what an earlier run trained with the same options, or train and keep it."""
    if folder is None:
        return make()
    path = Path(folder) / f"{name}.joblib"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump(make(), path)
    return joblib.load(path)


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


def get_oracle(args):
    """Train the oracle on all training images, validation images included."""
    X, y = load_images(args.dataset, subset="train", return_X_y=True)
    return cached(
        args.cache,
        f"oracle-{args.dataset}-{args.oracle_updates}",
        lambda: train_oracle(X, y, n_updates=args.oracle_updates),
    )


def get_gin(args, X, seed):
    """Train the generative invertible network on the labelled images alone."""
    parameters = {
        "latent_dim": args.latent_dim,
        "max_iter": args.gin_updates,
        **json.loads(args.gin),
    }
    name = f"gin-{args.dataset}-{len(X)}-{seed}-{joblib.hash(parameters)}"
    return cached(args.cache, name, lambda: GIN(random_state=seed, **parameters).fit(X))


def run_seed(args, seed):
    """Run every arm for one draw of labelled images; return the accuracies."""
    torch.set_num_threads(1)  # seeds run side by side, and one thread is reproducible
    X, y, X_more, y_more, X_eval, y_eval = split(
        args.dataset, args.n_labelled, args.evaluate_on, seed
    )
    oracle, gin = get_oracle(args), get_gin(args, X, seed)
    classifier = partial(make_classifier, X, len(np.unique(y)), n_updates=args.classifier_updates)
    scores = {
        "oracle": oracle.score(X_eval, y_eval),
        "native": fit_plain(classifier(), X, y, seed).score(X_eval, y_eval),
        f"+ {args.n_labelled} real": fit_plain(
            classifier(), np.concatenate([X, X_more]), np.concatenate([y, y_more]), seed
        ).score(X_eval, y_eval),
    }
    for n_queries in args.n_queries:
        for answer in args.answers:
            for name in args.strategies:
                learner = ActiveLearner(
                    classifier(),
                    STRATEGIES[name](FrozenEstimator(gin)),
                    oracle=EstimatorOracle(oracle, soft=answer == "soft"),
                    batch_size=-(-n_queries // args.rounds),
                    budget=n_queries,
                    random_state=seed,
                ).fit(X, y)
                arm = f"+ {n_queries} {name}, {answer} labels"
                scores[arm] = learner.score(X_eval, y_eval)
                print(f"seed {seed}: {arm}: {scores[arm]:.4f}", flush=True)
    return {name: float(score) for name, score in scores.items()}


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
    parser.add_argument("--gin-updates", type=int, default=2500)
    parser.add_argument("--gin", default="{}", help="further parameters of GIN, as JSON")
    parser.add_argument("--classifier-updates", type=int, default=500)
    parser.add_argument("--oracle-updates", type=int, default=6000)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--cache", default=None, help="folder for trained oracle and generators")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/aisel.json"))
    args = parser.parse_args()

    started, runs = time.time(), {}
    get_oracle(args)
    run_all = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator")
    results = run_all(joblib.delayed(run_seed)(args, seed) for seed in args.seeds)
    for seed, scores in zip(args.seeds, results, strict=True):
        runs[str(seed)] = scores
        report = write(args, runs, started)
    for arm, score in report["summary"].items():
        spread = "" if score["sd"] is None else f" +- {score['sd']:.4f}"
        print(f"{arm:28s} {score['mean']:.4f}{spread}")


if __name__ == "__main__":
    main()
