"""Processor time and peak memory beside the neighbours' in one run: the neighbour's over ours.

Every call has a process of its own, with one thread, that first makes the call on a small problem,
so that imports are not counted; then memory is read, then the call is timed. Ours and the
neighbour's alternate. Each case is one of two kinds:

- like for like: the same task, and for strategies the same algorithm. Above 1 skgal is ahead.
- "not like for like": what a user would put in the same place of a pipeline, doing something else.
  imbalanced-learn's SMOTE family interpolates, which takes milliseconds; skgal's samplers train a
  network, which takes seconds. Only the orders of magnitude mean something.

A neighbour that is not installed, or a call that fails or is killed for memory, is recorded so.

    python benchmarks/peers.py
    python benchmarks/peers.py --cases uncertainty "core set" --scale 0.1

scikit-activeml and imbalanced-learn come with the extra ``test``; modAL is ``modAL-python``.
"""

import argparse
import os
import platform
import resource
import statistics
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import numpy as np
from report import ReportFile

N_FEATURES, N_CLASSES, N_LABELLED = 50, 10, 100
WARM_UP = 600


def pool(n, n_labelled=N_LABELLED):
    """Gaussian blobs of ten classes in single precision; the first rows have labels."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(N_CLASSES, N_FEATURES))
    known = rng.integers(N_CLASSES, size=n)
    X = (centres[known] + rng.normal(size=(n, N_FEATURES))).astype(np.float32)
    y = np.where(np.arange(n) < n_labelled, known, np.nan)
    return X, y


def _labelled(X, y):
    is_known = ~np.isnan(y)
    return X[is_known], y[is_known].astype(int)


def _logistic(X, y):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=200).fit(*_labelled(X, y))


def ours(name, batch_size, *, n_labelled=N_LABELLED, **params):
    """A query by one of skgal's strategies."""

    def prepare(n):
        from skgal import query

        X, y = pool(n, n_labelled)
        clf, strategy = _logistic(X, y), getattr(query, name)(random_state=0, **params)
        return lambda: strategy.query(X, y, clf, batch_size=batch_size)

    return prepare


def skactiveml(name, batch_size, *args, needs_model=False, n_labelled=N_LABELLED, **params):
    """The same query by scikit-activeml."""

    def prepare(n):
        from skactiveml import pool as strategies
        from skactiveml.classifier import SklearnClassifier
        from sklearn.linear_model import LogisticRegression

        X, y = pool(n, n_labelled)
        model = SklearnClassifier(LogisticRegression(max_iter=200), classes=range(N_CLASSES))
        model.fit(*_labelled(X, y))
        given = {"clf": model, "fit_clf": False} if needs_model else {}
        strategy = getattr(strategies, name)(*args, random_state=0, **params)
        return lambda: strategy.query(X, y, batch_size=batch_size, **given)

    return prepare


def modal(n):
    """Entropy sampling by modAL, which is handed the unlabelled samples only."""
    from modAL.models import ActiveLearner
    from modAL.uncertainty import entropy_sampling
    from sklearn.linear_model import LogisticRegression

    X, y = pool(n)
    learner = ActiveLearner(LogisticRegression(max_iter=200), entropy_sampling, *_labelled(X, y))
    return lambda: learner.query(X[N_LABELLED:], n_instances=50)


def imbalanced(n):
    from sklearn.datasets import make_classification

    X, y = make_classification(n, 20, n_informative=10, weights=[0.95], random_state=0)
    return X.astype(np.float32), y


def smote(name):
    def prepare(n):
        from imblearn import over_sampling

        X, y = imbalanced(n)
        if name == "SMOTENC":
            X = np.column_stack([X, np.arange(len(X)) % 4])
            sampler = over_sampling.SMOTENC([20], random_state=0)
        else:
            sampler = getattr(over_sampling, name)(random_state=0)
        return lambda: sampler.fit_resample(X, y)

    return prepare


def gan_sampler(conditional):
    """skgal's over-sampler with 200 updates, where its default makes thousands."""

    def prepare(n):
        import pandas as pd

        from skgal import generators
        from skgal.resampling import GANOverSampler

        X, y = imbalanced(n)
        if conditional == "CGAN":  # a mixed table, as SMOTENC's
            X = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
            X["kind"] = pd.Categorical(np.array(list("abcd"))[np.arange(len(X)) % 4])
        generator = getattr(generators, conditional)(max_iter=200, device="cpu")
        sampler = GANOverSampler(generator, random_state=0)
        return lambda: sampler.fit_resample(X, y)

    return prepare


def training(who, case, penalty):
    """Updates of ``GAN.fit``, or of the loop by hand in ``engine.py``."""

    def prepare(n):
        import engine

        from skgal.nn import DCGAN, Dense

        shape, make = {"dense": ((1, 8, 8), Dense), "DCGAN": ((1, 28, 28), DCGAN)}[case]
        X = np.random.default_rng(0).uniform(-1, 1, size=(400, *shape)).astype(np.float32)
        run = {"ours": engine.run_skgal, "by hand": engine.run_by_hand}[who]
        return lambda: run(X, make(), n, penalty)

    return prepare


def design_ours(method):
    """An even design of a box by skgal, kinds of variables and feasibility seen to."""

    def prepare(n):
        from skgal.generators import DesignBox
        from skgal.query import SpaceFilling

        X, y = np.random.default_rng(0).uniform(size=(60, 6)), np.zeros(60)
        strategy = SpaceFilling(DesignBox(), method=method, random_state=0).fit(X)
        return lambda: strategy.synthesize(X, y, None, batch_size=n)

    return prepare


def design_scipy(method):
    """The same by scipy's sequence, scaled to the box."""

    def prepare(n):
        from scipy.stats import qmc

        X = np.random.default_rng(0).uniform(size=(60, 6))

        def design():
            rng = np.random.default_rng(0)
            if method == "sobol":
                points = qmc.Sobol(6, seed=rng).random_base2((n - 1).bit_length())[:n]
            else:
                points = qmc.LatinHypercube(6, seed=rng).random(n)
            return qmc.scale(points, X.min(axis=0), X.max(axis=0))

        return design

    return prepare


# A name, the size, ours, and the neighbours'.
CASES = {
    "uncertainty": (
        200_000,
        ours("UncertaintySampling", 50),
        {
            "scikit-activeml": skactiveml("UncertaintySampling", 50, "entropy", needs_model=True),
            "modAL": modal,
        },
    ),
    "core set": (
        200_000,
        ours("CoreSet", 100),
        {"scikit-activeml": skactiveml("CoreSet", 100)},
    ),
    "BADGE": (
        200_000,
        ours("BADGE", 20),
        {"scikit-activeml": skactiveml("Badge", 20, needs_model=True)},
    ),
    # 40 clusters: of more than 50, skgal's are found by mini-batches, as the authors' are.
    "TypiClust": (
        200_000,
        ours("TypiClust", 20, n_labelled=20),
        {"scikit-activeml": skactiveml("TypiClust", 20, n_labelled=20)},
    ),
    "ProbCover": (
        20_000,
        ours("ProbCover", 20),
        {"scikit-activeml": skactiveml("ProbCover", 20, n_classes=N_CLASSES)},
    ),
    "training, dense, gradient penalty": (
        300,
        training("ours", "dense", "gradient_penalty"),
        {"loop by hand": training("by hand", "dense", "gradient_penalty")},
    ),
    "training, DCGAN 28x28, gradient penalty": (
        100,
        training("ours", "DCGAN", "gradient_penalty"),
        {"loop by hand": training("by hand", "DCGAN", "gradient_penalty")},
    ),
    "Sobol design": (16_384, design_ours("sobol"), {"scipy": design_scipy("sobol")}),
    "Latin hypercube": (16_384, design_ours("latin"), {"scipy": design_scipy("latin")}),
    "over-sampling, numbers (not like for like)": (
        5_000,
        gan_sampler("ACGAN"),
        {name: smote(name) for name in ("SMOTE", "BorderlineSMOTE", "ADASYN")},
    ),
    "over-sampling, mixed (not like for like)": (
        5_000,
        gan_sampler("CGAN"),
        {"SMOTENC": smote("SMOTENC")},
    ),
}
PACKAGES = {"scikit-activeml": "scikit-activeml", "modAL": "modAL-python", "scipy": "scipy"}


def measure(case, who, n):
    """Make one call, in this process, that has made none before; return what it took."""
    _, own, rivals = CASES[case]
    prepare = own if who == "skgal" else rivals[who]
    prepare(min(n, WARM_UP))()
    call = prepare(n)
    before, start, processor = _peak_mb(), perf_counter(), process_time()
    call()
    return {
        "processor": process_time() - processor,
        "seconds": perf_counter() - start,
        "peak_mb": _peak_mb(),
        "added_mb": _peak_mb() - before,
    }


def _peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_apart(*arguments):
    """Measure in a new process; spawned, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        try:
            return executor.submit(measure, *arguments).result()
        except (BrokenProcessPool, MemoryError, ImportError) as error:
            return {"failed": f"{type(error).__name__}: {error}"}


def summarize(runs):
    """Return for each case how much the neighbours take of what skgal takes."""
    summary = {}
    for name, run in runs.items():
        case, who, n, _ = name.split(" | ")
        if "failed" not in run:
            entry = summary.setdefault(case, {"n": int(n)}).setdefault(who, {})
            for quantity, value in run.items():
                entry.setdefault(quantity, []).append(value)
    for entry in summary.values():
        sides = {who: values for who, values in entry.items() if who != "n"}
        medians = {
            who: {quantity: statistics.median(values) for quantity, values in side.items()}
            for who, side in sides.items()
        }
        entry.update(medians)
        if "skgal" not in medians:
            continue
        for who in medians.keys() - {"skgal"}:
            pairs = zip(sides[who]["processor"], sides["skgal"]["processor"], strict=False)
            ratios = [theirs / own for theirs, own in pairs]
            entry[f"{who} / skgal"] = {
                "processor": statistics.median(ratios),
                "processor, all": ratios,
                "peak": medians[who]["peak_mb"] / medians["skgal"]["peak_mb"],
            }
    return summary


def main():
    """Measure, print and write; what an earlier call has measured is kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/peers.json"))
    args = parser.parse_args()

    import scipy
    import sklearn
    import torch

    file = ReportFile(args.output, {"scale": args.scale}, [np, scipy, sklearn, torch])
    runs = file.read_runs()
    versions = {name: _version(package) for name, package in PACKAGES.items()}
    machine = {"processor": platform.machine(), "threads": 1, "cores": os.cpu_count()}
    for case in args.cases:
        size, _, rivals = CASES[case]
        n = max(min(size, WARM_UP), int(size * args.scale))
        for repeat in range(args.repeats):
            for who in ["skgal", *rivals][:: -1 if repeat % 2 else 1]:
                name = f"{case} | {who} | {n} | {repeat}"
                if name not in runs:
                    runs[name] = measure_apart(case, who, n)
                    file.write(runs, machine=machine, neighbours=versions, summary=summarize(runs))
        for who, ratio in summarize(runs).get(case, {}).items():
            if who.endswith("/ skgal"):
                print(
                    f"{case:42s} {n:8,d} {who:26s} processor {ratio['processor']:8.2f}"
                    f"  peak {ratio['peak']:6.2f}",
                    flush=True,
                )


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
