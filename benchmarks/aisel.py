"""AISEL on images with few labels: does it matter which virtual samples are labelled?

The set-up of the paper's section 5.1: a few labelled images, a generative invertible network
trained on them, virtual images labelled by an oracle (a classifier trained on the whole data
set), a classifier trained on both. Every arm's classifier makes the same number of updates,
since more samples at a fixed number of epochs would also mean more updates.

    python benchmarks/aisel.py --dataset fashion_mnist --draws 0 1 2 3 4
    python benchmarks/aisel.py --augment --classifier pooling --draws 5 6 7 8 9 10 11 12 13 14 \
        --trainings 2 --output benchmarks/results/aisel_pooling.json
    python benchmarks/aisel.py --augment --classifier pooling --draws 5 6 7 \
        --gin-images all --latent-dim 16 --gin-updates 4000 \
        --gin '{"objective": "nonsaturating", "penalty": {"weight": 1, "target": 0}}' \
        --evaluate-on validation --trainings 1 --labels soft --output unlabelled.json

Options are chosen with ``--evaluate-on validation`` (training images that no arm uses); the
committed results use the test images. ``--cache`` keeps the oracle, the generators and what is
transferred, which take longest; ``--gin-only`` makes the first two and stops. A run goes on from
what ``--output`` holds: more draws, trainings, strategies or queries add to it, any other option
needs a file of its own. The paper's 5,000 random images are such a second call, with the options
of the first and ``--strategies random --n-queries 5000``.
`aisel.json` is from an older version of this script, which goes on from no such file.
"""

import argparse
import re
from pathlib import Path

import joblib
import numpy as np
import sklearn
import skorch
import torch
from aisel_arms import CLASSIFIERS, STRATEGIES, get_gin, get_oracle, run_training
from report import ReportFile

#: Options that say how much is run, or where; the others decide what an arm's accuracy is.
EXTENT = {
    "draws", "trainings", "strategies", "labels", "n_queries",
    "n_jobs", "cache", "gin_only", "output",
}  # fmt: skip

#: The name of an arm that buys labels of virtual images: how many, the strategy, which labels.
BOUGHT = re.compile(r"\+ (\d+) (.+), (hard|soft) labels")


def report_file(args):
    """Return the file of accuracies: by draw, training and arm."""
    settings = {key: value for key, value in vars(args).items() if key not in EXTENT}
    return ReportFile(args.output, settings, (sklearn, skorch, torch, np))


def summarize(runs):
    """Return mean and spread over draws of each arm, and how far AISEL is from the others.

    A draw counts with the mean of its trainings. The differences are paired by training, so
    that an arm which isn't through yet is compared over the trainings it has; ``se`` is the
    standard error of their mean over draws.
    """
    arms = dict.fromkeys(
        arm for draw in runs.values() for scores in draw.values() for arm in scores
    )
    bought = {arm: match.groups() for arm in arms if (match := BOUGHT.fullmatch(arm))}
    leads = {}
    for ours, (_, strategy, labels) in bought.items():
        if strategy.startswith("AISEL"):
            leads[ours] = {
                rival: _over_draws(runs, ours, rival)
                for rival in arms
                if rival not in (ours, "oracle") and bought.get(rival, [labels])[-1] == labels
            }
    return {"accuracy": {arm: _over_draws(runs, arm) for arm in arms}, "AISEL minus": leads}


def _over_draws(runs, arm, rival=None):
    """Average an arm's accuracy, or its lead over a rival, over trainings and then draws."""
    values = []
    for draw in runs.values():
        have = [scores for scores in draw.values() if {arm, rival or arm} <= scores.keys()]
        if have:
            values.append(np.mean([s[arm] - (s[rival] if rival else 0.0) for s in have]))
    sd = np.std(values, ddof=1) if len(values) > 1 else np.nan
    spread = {"se": sd / np.sqrt(len(values))} if rival else {"sd": sd}
    figures = {"mean": np.mean(values), **spread}
    rounded = {key: round(float(value), 5) for key, value in figures.items()}
    return {**rounded, "draws": len(values)}


def parse_args():
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--n-labelled", type=int, default=400)
    parser.add_argument("--n-queries", type=int, nargs="+", default=[400])
    parser.add_argument(
        "--draws", "--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4],
        help="seeds by which the labelled images are drawn",
    )  # fmt: skip
    parser.add_argument("--trainings", type=int, default=2, help="of each arm, on each draw")
    parser.add_argument("--strategies", choices=STRATEGIES, nargs="+", default=list(STRATEGIES))
    parser.add_argument(
        "--labels", choices=["hard", "soft"], nargs="+", default=["hard", "soft"],
        help="what the oracle answers: classes or class probabilities",
    )  # fmt: skip
    parser.add_argument("--classifier", choices=CLASSIFIERS, default="strided")
    parser.add_argument(
        "--augment", action="store_true",
        help="flip training images and shift them by up to 2 pixels, in every arm",
    )  # fmt: skip
    parser.add_argument("--evaluate-on", choices=["test", "validation"], default="test")
    parser.add_argument("--latent-dim", type=int, default=8)
    parser.add_argument("--gin-updates", type=int, default=2500)
    parser.add_argument(
        "--gin-images", choices=["labelled", "all"], default="labelled",
        help="what GIN learns from: the labelled images, or all training images, labels unseen",
    )  # fmt: skip
    parser.add_argument(
        "--gin", default="{}",
        help="further parameters of GIN, as JSON; a penalty may be those of a GradientPenalty",
    )  # fmt: skip
    parser.add_argument("--classifier-updates", type=int, default=400)
    parser.add_argument("--oracle-updates", type=int, default=6000)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--cache", default=None, help="folder for trained oracle and generators")
    parser.add_argument("--gin-only", action="store_true", help="fill the cache and stop")
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/aisel_strided.json")
    )
    args = parser.parse_args()
    if args.gin_only and args.cache is None:
        parser.error("--gin-only makes generators for later runs; say where with --cache")
    return args


def make_generators(args):
    """Fill the cache with the oracle and each draw's generator."""
    get_oracle(args)
    run_all = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator")
    made = run_all(joblib.delayed(get_gin)(args, draw) for draw in args.draws)
    for draw, _ in zip(args.draws, made, strict=True):
        print(f"draw {draw}: the generator is in {args.cache}", flush=True)


def run_missing(args):
    """Train what the output file doesn't hold yet, writing after each training; return all."""
    report = report_file(args)
    runs = report.read_runs()
    if args.cache is not None:
        get_oracle(args)  # once, before the draws, which run side by side, all ask for it
    steps = [(draw, training) for draw in args.draws for training in range(args.trainings)]
    known = [runs.setdefault(str(draw), {}).setdefault(str(k), {}) for draw, k in steps]
    results = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator")(
        joblib.delayed(run_training)(args, *step, frozenset(scores))
        for step, scores in zip(steps, known, strict=True)
    )
    for scores, new_scores in zip(known, results, strict=True):
        scores.update(new_scores)
        report.write(runs, summary=summarize(runs))
    return runs


def main():
    """Run what is missing and print the table."""
    args = parse_args()
    if args.gin_only:
        make_generators(args)
        return
    for arm, score in summarize(run_missing(args))["accuracy"].items():
        print(f"{arm:40s} {score['mean']:.4f} +- {score['sd']:.4f}")


if __name__ == "__main__":
    main()
