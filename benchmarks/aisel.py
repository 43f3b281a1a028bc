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
import sys
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import sklearn
import skorch
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from skgal import AISEL, GIN, LatentRandom, LatentUncertainty
from skgal.datasets import load_images
from skgal.engine import accept_soft_targets
from skgal.utils import seeded_torch

sys.path.append(str(Path(__file__).parents[1] / "examples"))
from demo import fit_plain, make_classifier, train_oracle

#: Chosen among 0, 0.25, 0.5, 1, 3 and 6 on validation images of seeds 0 to 2.
POWER = 0.25
STRATEGIES = {
    "random": LatentRandom,
    "uncertainty": LatentUncertainty,
    "AISEL": AISEL,
    f"AISEL, power={POWER}": partial(AISEL, power=POWER),
}


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
    """Run every arm for one draw of labelled images; return the accuracies.

    All arms of a repeat start from the same initial weights; an accuracy is the mean over the
    repeats, which differ in initial weights, batches and virtual samples.
    """
    torch.set_num_threads(1)  # seeds run side by side, and one thread is reproducible
    X, y, X_more, y_more, X_eval, y_eval = split(
        args.dataset, args.n_labelled, args.evaluate_on, seed
    )
    oracle, gin = get_oracle(args), get_gin(args, X, seed)
    n_classes = len(np.unique(y))
    scores = {"oracle": [oracle.score(X_eval, y_eval)]}

    def teach(arm, X_new, labels, training_seed):
        classifier = make_classifier(X, n_classes, n_updates=args.classifier_updates)
        if labels.ndim == 2:
            classifier.set_params(classes=list(range(n_classes)))
            accept_soft_targets(classifier)
            known = np.eye(n_classes, dtype=np.float32)[y]
        else:
            known = y
        fit_plain(
            classifier, np.concatenate([X, X_new]), np.concatenate([known, labels]), training_seed
        )
        scores.setdefault(arm, []).append(classifier.score(X_eval, y_eval))
        print(f"seed {seed}: {arm}: {scores[arm][-1]:.4f}", flush=True)
        return classifier

    for repeat in range(args.repeats):
        training_seed = 1000 * seed + repeat
        native = teach("native", X[:0], y[:0], training_seed)
        teach(f"+ {args.n_labelled} real", X_more, y_more, training_seed)
        for name, make_strategy in STRATEGIES.items():
            strategy = make_strategy(FrozenEstimator(gin), random_state=training_seed)
            strategy.fit(X, y)
            for n_queries in args.n_queries:
                with seeded_torch(0):
                    X_new = strategy.synthesize(X, y, native, batch_size=n_queries).X
                    soft = oracle.predict_proba(X_new)
                arm = f"+ {n_queries} {name}"
                teach(f"{arm}, hard labels", X_new, soft.argmax(axis=1), training_seed)
                teach(f"{arm}, soft labels", X_new, soft, training_seed)
    return {arm: float(np.mean(accuracies)) for arm, accuracies in scores.items()}


def summarize(runs, n_queries):
    """Return mean and standard deviation of each arm, and how far AISEL is from the others.

    The differences are paired by seed; ``se`` is the standard error of their mean.
    """
    summary = {"accuracy": {}, "AISEL minus": {}}
    for arm in runs[0]:
        summary["accuracy"][arm] = _mean_and_spread([run[arm] for run in runs], "sd")
    for n in n_queries:
        for labels in ("hard labels", "soft labels"):
            for ours in ("AISEL", f"AISEL, power={POWER}"):
                ours = f"+ {n} {ours}, {labels}"
                rivals = [arm for arm in runs[0] if arm.endswith(labels) and f"+ {n} " in arm]
                summary["AISEL minus"][ours] = {
                    rival: _mean_and_spread([run[ours] - run[rival] for run in runs], "se")
                    for rival in ["native", *[arm for arm in runs[0] if "real" in arm], *rivals]
                    if rival != ours
                }
    return summary


def _mean_and_spread(values, kind):
    spread = np.std(values, ddof=1) if len(values) > 1 else np.nan
    if kind == "se":
        spread = spread / np.sqrt(len(values))
    return {"mean": round(float(np.mean(values)), 5), kind: round(float(spread), 5)}


def write(args, runs):
    """Write what is there so far; a long run leaves its results step by step."""
    args.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "command": "python " + " ".join(sys.argv),
        "settings": {
            key: str(value)
            for key, value in vars(args).items()
            if key not in ("cache", "output", "n_jobs")
        },
        "versions": {
            module.__name__: module.__version__ for module in (sklearn, skorch, torch, np)
        },
        "runs": runs,
        "summary": summarize(list(runs.values()), args.n_queries),
    }
    args.output.write_text(json.dumps(report, indent=1) + "\n")
    return report


def main():
    """Run all seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--n-labelled", type=int, default=400)
    parser.add_argument("--n-queries", type=int, nargs="+", default=[400])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--evaluate-on", choices=["test", "validation"], default="test")
    parser.add_argument("--latent-dim", type=int, default=8)
    parser.add_argument("--gin-updates", type=int, default=2500)
    parser.add_argument("--gin", default="{}", help="further parameters of GIN, as JSON")
    parser.add_argument("--classifier-updates", type=int, default=400)
    parser.add_argument("--oracle-updates", type=int, default=6000)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--cache", default=None, help="folder for trained oracle and generators")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/aisel.json"))
    args = parser.parse_args()

    runs = {}
    get_oracle(args)
    run_all = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator")
    results = run_all(joblib.delayed(run_seed)(args, seed) for seed in args.seeds)
    for seed, scores in zip(args.seeds, results, strict=True):
        runs[str(seed)] = scores
        report = write(args, runs)
    for arm, score in report["summary"]["accuracy"].items():
        print(f"{arm:40s} {score['mean']:.4f} +- {score['sd']:.4f}")


if __name__ == "__main__":
    main()
