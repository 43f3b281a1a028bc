"""Which measure of uncertainty is worth most where there are more than two classes?

`UncertaintySampling` by each of its measures against random sampling, with four kinds of model, on
images and tables. Labels of ten random samples (two for each class, if that is more) are known; 200
more are asked for in batches of ten, half a pool at most. The score is the accuracy on test
samples, after the last label and as the mean over all rounds; arms of a seed share the split and
the first labels. The default was chosen on the sets of ``--chosen``, seeds 100
to 102, and is reported on the others:

    SKGAL_DATA=... python benchmarks/uncertainty.py --chosen --seeds 100 101 102 --output ...
    SKGAL_DATA=... python benchmarks/uncertainty.py

Runs that the output holds are not made again.
"""

import argparse
import os
from pathlib import Path

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import numpy as np
import pandas as pd
import sklearn
import torch
from report import ReportFile
from sklearn.datasets import load_digits, load_wine, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skorch import NeuralNetClassifier

from skgal import UncertaintySampling, compare_strategies
from skgal.datasets import load_images
from skgal.utils import seeded_torch

N_IMAGES = 3000  # of the pool, and of the test set at most
MEASURES = (
    "entropy",
    "least_confidence",
    "margin_of_confidence",
    "ratio_of_confidence",
    "min_distance",
)
CHOSEN = ("mnist", "digits", "wine", "clusters of ten classes")
REPORTED = ("fashion_mnist", "cifar10", "abalone", "glass", "ecoli", "overlapping clusters")
CLUSTERS = {
    "clusters of ten classes": {"n_classes": 10, "n_informative": 15, "class_sep": 2.0},
    "overlapping clusters": {"n_classes": 5, "n_informative": 6, "class_sep": 1.0, "flip_y": 0.1},
}


def load(name):
    """Return a data set as compare_strategies takes it, standardised or pixels from 0 to 1."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return (X / 16).astype(np.float32), y
    if name in ("mnist", "fashion_mnist", "cifar10"):
        parts = [load_images(name, subset=subset, return_X_y=True) for subset in ("train", "test")]
        parts = [(X[:N_IMAGES], y[:N_IMAGES]) for X, y in parts]
        return tuple(
            part
            for X, y in parts
            for part in ((X / np.float32(255)).reshape(len(X), -1), y.astype(np.int64))
        )
    if name in CLUSTERS:
        X, y = make_classification(3000, 20, random_state=0, **CLUSTERS[name])
    elif name == "wine":
        X, y = load_wine(return_X_y=True)
    else:
        frame = pd.read_csv(Path(os.environ["SKGAL_DATA"]) / "tabular" / f"{name}.csv", header=None)
        target = frame.pop(frame.columns[-1])
        if name == "abalone":
            target = pd.cut(target, [0, 8, 10, 99], labels=False)
        frequent = target.groupby(target).transform("size") >= 5
        X = pd.get_dummies(frame[frequent]).to_numpy(np.float64)
        y = pd.factorize(target[frequent], sort=True)[0]
    return StandardScaler().fit_transform(X).astype(np.float32), y


def make_models(n_features, n_classes):
    """Make the models that learn from the labels."""
    with seeded_torch(0):
        module = torch.nn.Sequential(
            torch.nn.Linear(n_features, 100), torch.nn.ReLU(), torch.nn.Linear(100, n_classes)
        )
    net = NeuralNetClassifier(
        module,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=60,
        batch_size=16,
        iterator_train__shuffle=True,
        train_split=None,
        classes=list(range(n_classes)),
        verbose=0,
    )
    return {
        "logistic regression": LogisticRegression(max_iter=2000),
        "random forest": RandomForestClassifier(random_state=0),
        "support vector machine": SVC(random_state=0),
        "network": net,
    }


def run(data, model, seed):
    """Label by each measure; return the accuracy after the last label and the mean of rounds."""
    n_classes = len(np.unique(data[1]))
    n_pool = len(data[0]) if len(data) == 4 else 3 * len(data[0]) // 4
    comparison = compare_strategies(
        make_models(data[0].shape[1], n_classes)[model],
        {measure: UncertaintySampling(measure) for measure in MEASURES},
        data,
        seeds=[seed],
        budget=min(200, n_pool // 20 * 10),
    )
    curves = comparison.curves.groupby("strategy")["score"]
    scores = pd.DataFrame({"last": curves.last(), "mean of rounds": curves.mean()})
    return (100 * scores).round(2).to_dict("index")


def summarize(runs):
    """Return what each measure gains over random sampling; errors are over the sets."""
    rows = [
        {"set": name, "model": model, "seed": seed, "measure": measure, **scores}
        for key, measures in runs.items()
        for name, model, seed in [key.split(" | ")]
        for measure, scores in measures.items()
    ]
    scores = pd.DataFrame(rows).set_index(["set", "model", "seed", "measure"]).stack()
    by_measure = scores.unstack("measure")
    gains = by_measure.sub(by_measure.pop("random"), axis=0)
    gains.index.names = ["set", "model", "seed", "when"]
    by_set = gains.groupby(["set", "model", "when"]).mean()
    summary = {"by set and model": _nested(by_set), "by model": {}, "all": {}}
    for name, keys in (("by model", ["model", "when"]), ("all", ["when"])):
        over_seeds = by_set if name == "by model" else by_set.groupby(["set", "when"]).mean()
        grouped = over_seeds.groupby(keys)
        summary[name] = {"mean": _nested(grouped.mean()), "error": _nested(grouped.sem())}
    return summary


def _nested(frame):
    """Return a table as a dict from the names of its rows to its rows."""
    rows = frame.round(2).to_dict("index")
    return {" | ".join(key) if isinstance(key, tuple) else key: row for key, row in rows.items()}


def main():
    """Make the runs that are missing, and print the gains over random sampling."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", nargs="+", help="instead of all that are reported, or chosen on")
    parser.add_argument("--chosen", action="store_true", help="the sets the default was chosen on")
    parser.add_argument("--models", nargs="+", default=list(make_models(1, 2)))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/uncertainty.json"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    file = ReportFile(args.output, {}, [np, pd, sklearn, torch])
    runs = file.read_runs()
    for name in args.sets or (CHOSEN if args.chosen else REPORTED):
        data = load(name)
        for model in args.models:
            for seed in args.seeds:
                key = f"{name} | {model} | {seed}"
                if key not in runs:
                    runs[key] = run(data, model, seed)
                    file.write(runs, summary=summarize(runs))
                    print(key, runs[key], flush=True)
    print(pd.DataFrame(summarize(runs)["by model"]["mean"]).T)


if __name__ == "__main__":
    main()
