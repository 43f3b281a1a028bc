"""Does `SelectiveAugmentation` harm a table with a rare class, by its default and by the former?

Average precision of the rare class on held-out rows, from scikit-learn's gradient boosting and from
a logistic regression. The former default was a CGAN whose training stops at the best Fréchet
distance, and as many rows of each class as of the largest.

    python benchmarks/selective_tables.py
    python benchmarks/selective_tables.py --tables truss --seeds 0 1
"""

import argparse
import os
import warnings
from pathlib import Path
from time import process_time

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import numpy as np
import sklearn
import torch
from report import ReportFile
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skgal
from skgal.datasets import make_truss
from skgal.exceptions import PoorSamplesWarning
from skgal.generators import CGAN, FrechetSelection
from skgal.resampling import SelectiveAugmentation

OUTPUT = Path(__file__).parent / "results" / "selective_tables.json"


def clusters(seed):
    """Three clusters a class, 2 % of 2,000 rows rare."""
    X, y = make_classification(
        12_000,
        n_features=12,
        n_informative=6,
        n_clusters_per_class=3,
        weights=[0.98],
        flip_y=0.0,
        random_state=seed,
    )
    return train_test_split(X, y, train_size=2000, stratify=y, random_state=seed)


def breast_cancer(seed):
    """Twelve malignant tumours among 190, the others in the test set."""
    X, y = load_breast_cancer(return_X_y=True)
    y = 1 - y
    return _with_rare(X, y, n_common=178, n_rare=12, seed=seed)


def truss(seed):
    """Simulated trusses: 2 % of 2,000 fail."""
    bunch = make_truss(2, n_test=12_000, random_state=seed)
    y = (bunch.y_test != np.bincount(bunch.y_test).argmax()).astype(int)
    return _with_rare(bunch.X_test, y, n_common=1960, n_rare=40, seed=seed)


def _with_rare(X, y, *, n_common, n_rare, seed):
    rng = np.random.RandomState(seed)
    train = [rng.permutation(np.flatnonzero(y == c))[:n] for c, n in ((0, n_common), (1, n_rare))]
    train = np.concatenate(train)
    test = np.setdiff1d(np.arange(len(y)), train)
    return X[train], X[test], y[train], y[test]


TABLES = {"clusters": clusters, "breast cancer": breast_cancer, "truss": truss}
SAMPLERS = {
    "none": lambda seed, n: None,
    "default": lambda seed, n: SelectiveAugmentation(random_state=seed, extractor_max_iter=n),
    "former default": lambda seed, n: SelectiveAugmentation(
        CGAN(model_selection=FrechetSelection(), max_iter=2 * n),
        ratio=None,
        extractor_max_iter=n,
        random_state=seed,
    ),
}
# Where the rare class's new samples lie, by the sampler's report.
PLACES = ("overlap", "nearer_to_others")
MODELS = {
    "boosting": lambda: HistGradientBoostingClassifier(random_state=0),
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
}


def measure(table, sampler, seed, n_updates):
    """Resample the training rows; return what the models make of them."""
    X, X_test, y, y_test = TABLES[table](seed)
    resampler, start = SAMPLERS[sampler](seed, n_updates), process_time()
    run = {}
    if resampler is not None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            X, y = resampler.fit_resample(X, y)
        run["warned"] = any(issubclass(each.category, PoorSamplesWarning) for each in caught)
        rare = resampler.report_.loc[1]
        run["nearest_real"] = rare["nearest_real"] / rare["nearest_real_of_real"]
        run |= {name: rare[name] for name in PLACES}
    run["seconds"] = process_time() - start
    for name, make in MODELS.items():
        proba = make().fit(X, y).predict_proba(X_test)[:, 1]
        run[name] = float(average_precision_score(y_test, proba))
    return run


def summarize(runs):
    """Mean and standard deviation over seeds, and the gain over no augmentation, by table."""
    summary = {}
    for table in TABLES:
        for sampler in SAMPLERS:
            cell = {
                key.rsplit(" | ", 1)[1]: run
                for key, run in runs.items()
                if key.startswith(f"{table} | {sampler} | ")
            }
            base = [runs.get(f"{table} | none | {seed}") for seed in cell]
            if not cell or None in base:
                continue
            row = {
                "n_seeds": len(cell),
                "seconds": np.mean([run["seconds"] for run in cell.values()]),
            }
            if sampler != "none":
                row["warned"] = sum(run["warned"] for run in cell.values())
                for name in ("nearest_real", *PLACES):
                    row[name] = np.median([run[name] for run in cell.values()])
            for model in MODELS:
                scores = np.array([run[model] for run in cell.values()])
                gains = scores - [run[model] for run in base]
                row[model] = {
                    "mean": scores.mean(),
                    "std": scores.std(ddof=1),
                    "gain": gains.mean(),
                }
                row[model]["standard error of the gain"] = gains.std(ddof=1) / np.sqrt(len(gains))
            summary[f"{table} | {sampler}"] = _plain(row)
    return summary


def _plain(row):
    return {
        key: _plain(value) if isinstance(value, dict) else float(value)
        for key, value in row.items()
    }


def main():
    """Measure what is missing in the report, table by table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--updates", type=int, default=500, help="of extractor and, twice, CGAN")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    report = ReportFile(options.output, {"updates": options.updates}, [skgal, sklearn, torch, np])
    runs = report.read_runs()
    for seed in options.seeds:
        for table in options.tables:
            for sampler in options.samplers:
                name = f"{table} | {sampler} | {seed}"
                if name not in runs:
                    runs[name] = measure(table, sampler, seed, options.updates)
                    report.write(runs, summary=summarize(runs))
                    print(name, runs[name], flush=True)


if __name__ == "__main__":
    main()
