"""Do Polarity-GAN's samples stay within their class, and what are they worth to a classifier?

Rare samples are drawn from known distributions, so a reference classifier exists: 25 nearest
neighbours among 20,000 fresh samples of both classes alike. ``leak`` is the share of generated
samples (of rare training samples: "real") that it gives to the other class; ``macro_f1`` that of a
support vector machine, a random forest and five neighbours, in the mean, on 20,000 fresh samples in
the natural ratio, fitted to data that are filled up to balance, at the default threshold.

"unbounded" leaves the generator's learnt shift as long as it gets, as it was before it was bounded
by the spacing of the class. "no pull" is the bounded one without the game against the classifier.

The bound was chosen on ``moons``, ``circles``, ``clusters`` and ``overlap``; the others, the
default, were looked at once.

    python benchmarks/imbalance_leak.py --seeds 0 1
"""

import argparse
from pathlib import Path
from statistics import fmean, stdev
from unittest.mock import patch

import numpy as np
import sklearn
import torch
from imblearn.over_sampling import SMOTE
from report import ReportFile
from sklearn.datasets import make_circles, make_classification, make_moons
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgal.generators import PolarityGAN
from skgal.nn import _hull

UPDATES = (300, 2000)
CENTRES = np.random.RandomState(7).uniform(-4, 4, (12, 4))


def moons(counts, rng):
    """Two half circles."""
    return make_moons(counts, noise=0.25, random_state=rng)


def circles(counts, rng):
    """A ring within a ring."""
    return make_circles(counts, noise=0.12, factor=0.6, random_state=rng)


def clusters(counts, rng):
    """Eight clusters and four, in four dimensions."""
    means = [CENTRES[:8], CENTRES[8:]]
    X = [m[rng.randint(len(m), size=n)] for m, n in zip(means, counts, strict=True)]
    return np.concatenate(X) + rng.normal(0, 0.9, (sum(counts), 4)), np.repeat([0, 1], counts)


def spirals(counts, rng):
    """Two arms wound into each other."""
    X = []
    for n, sign in zip(counts, (1, -1), strict=True):
        angle = 3 * np.pi * np.sqrt(rng.rand(n))
        arm = sign * angle * np.stack([np.cos(angle), np.sin(angle)])
        X.append((arm.T + rng.normal(0, 0.8, (n, 2))) / 5)
    return np.concatenate(X), np.repeat([0, 1], counts)


def checkerboard(counts, rng):
    """The black and the white fields of a board of four by four."""
    points = rng.uniform(0, 4, (16 * max(counts), 2))
    is_white = points.astype(int).sum(axis=1) % 2
    X = np.concatenate([points[is_white == k][:n] for k, n in enumerate(counts)])
    return X + rng.normal(0, 0.08, X.shape), np.repeat([0, 1], counts)


def nested(counts, rng):
    """A ball, and a shell around it, in six dimensions."""
    points = rng.normal(size=(60 * max(counts), 6))
    radii = np.linalg.norm(points, axis=1)
    X = [points[radii > 1.9][: counts[0]], points[radii < 2][: counts[1]]]
    return np.concatenate(X), np.repeat([0, 1], counts)


def _classification(seed, n_features, n_informative):
    def draw(counts, rng):
        X, y = make_classification(
            60_000,
            n_features,
            n_informative=n_informative,
            n_redundant=0,
            n_clusters_per_class=3,
            class_sep=1.2,
            flip_y=0,
            random_state=seed,
        )
        rows = [rng.choice(np.flatnonzero(y == k), n, False) for k, n in enumerate(counts)]
        return X[np.concatenate(rows)], np.repeat([0, 1], counts)

    return draw


CASES = {
    "moons": (moons, (500, 60)),
    "circles": (circles, (500, 60)),
    "clusters": (clusters, (800, 60)),
    "overlap": (_classification(1, 8, 5), (800, 60)),
    "spirals": (spirals, (500, 60)),
    "checkerboard": (checkerboard, (600, 80)),
    "overlap of 15 features": (_classification(5, 15, 6), (800, 40)),
    "nested": (nested, (800, 60)),
    "rarer moons": (moons, (1000, 30)),
}
CLASSIFIERS = (
    make_pipeline(StandardScaler(), SVC(C=10)),
    RandomForestClassifier(60, min_samples_leaf=2, random_state=0),
    make_pipeline(StandardScaler(), KNeighborsClassifier(5)),
)


def measure(name, seed):
    """Return leak and macro-F1 of each arm, trained on one draw."""
    draw, counts = CASES[name]
    reference = make_pipeline(StandardScaler(), KNeighborsClassifier(25))
    reference.fit(*draw((10_000, 10_000), np.random.RandomState(999)))
    natural = np.array(counts) * 20_000 // sum(counts)
    X_test, y_test = draw(tuple(natural), np.random.RandomState(998))
    X, y = draw(counts, np.random.RandomState(seed))

    def score(new=X[:0]):
        X_train = np.concatenate([X, new[: counts[0] - counts[1]]])
        y_train = np.concatenate([y, np.ones(len(X_train) - len(X), dtype=int)])
        f1 = fmean(
            f1_score(y_test, model.fit(X_train, y_train).predict(X_test), average="macro")
            for model in CLASSIFIERS
        )
        rated = new if len(new) else X[y == 1]
        return {"leak": float(np.mean(reference.predict(rated) != 1)), "macro_f1": float(f1)}

    arms = {
        "real": score(),
        "SMOTE": score(SMOTE(random_state=seed).fit_resample(X, y)[0][len(X) :]),
    }
    for arm, weight, shorten in (
        ("unbounded", 1.0, lambda shift, most: shift),
        ("bounded", 1.0, _hull._shorten),
        ("no pull", 0.0, _hull._shorten),
    ):
        gan = PolarityGAN(classifier_weight=weight, warm_start=True, random_state=seed)
        done = 0
        for n_updates in UPDATES:
            with patch.object(_hull, "_shorten", shorten):
                gan.set_params(max_iter=n_updates - done).fit(X, y)
                new = gan.sample(y=np.ones(2000, dtype=int), random_state=1)[0]
            done = n_updates
            arms[f"{arm}, {n_updates} updates"] = score(new)
    return arms


def summarize(runs):
    """Return mean and standard deviation over all runs, and the means by data set, in per cent."""
    summary = {}
    for measured in ("leak", "macro_f1"):
        for arm in next(iter(runs.values()), {}):
            values = {key: 100 * run[arm][measured] for key, run in runs.items()}
            by_case = {}
            for key, value in values.items():
                by_case.setdefault(key.rpartition("/")[0], []).append(value)
            summary.setdefault(measured, {})[arm] = {
                "mean": round(fmean(values.values()), 1),
                "sd": round(stdev(values.values()), 1) if len(values) > 1 else None,
                "by data set": {case: round(fmean(v), 1) for case, v in by_case.items()},
            }
    return summary


def main():
    """Run what is missing, and write the report after each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--datasets", nargs="+", default=[*CASES][4:], choices=CASES, metavar="NAME"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/imbalance_leak.json")
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = ReportFile(args.output, {"updates": list(UPDATES)}, (sklearn, torch, np))
    runs = report.read_runs()
    for seed in args.seeds:
        for name in args.datasets:
            if f"{name}/{seed}" not in runs:
                runs[f"{name}/{seed}"] = measure(name, seed)
                report.write(runs, summary=summarize(runs))
                print(name, seed, runs[f"{name}/{seed}"], flush=True)


if __name__ == "__main__":
    main()
