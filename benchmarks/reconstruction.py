"""Which generator inverts real data? At equal processor time, one thread.

The arms, each at its defaults: ``GIN``, whose generator and encoder learn together;
``GIN, encoder afterwards``, the paper's two stages; ``BiGAN``. On each data set and seed all get
the processor seconds that GIN's default takes there (or a multiple, ``--times``): a few of their
updates are timed first, and tell how many to make.

The data: 60 and 1,000 designs of two simulators, 100 and 1,000 digits of 8x8 pixels, 400 images of
Fashion-MNIST. The scores, of real rows held out and of as many generated ones:

- ``rmse``: root mean square error of G(E(x)) on rows held out, in standard deviations of each
  column, of images on the scale [-1, 1];
- ``latent_rmse``: that of E(G(u)) on uniform u in the cube [-1, 1]^8, which is the latent
  distribution of all three (0 for every coordinate has an error of 0.58);
- ``distance``: of tables the energy distance of standardised rows, of digits the Fréchet distance
  of pixels on [-1, 1], of Fashion-MNIST that of features of a classifier trained on other images;
- ``unevenness``: energy distance of the codes of 700 rows held out to 700 uniform points, divided
  by the mean of that of such points to each other, so 1 is as even as can be;
- ``aisel``: of 60 designs, accuracy of the support vector machine of `simulators.py` after 140
  more that AISEL has the simulator label, in rounds of 20; its summary is the lead over
  ``random``, designs that GIN's default generates at random.

``training rows`` is a reference: their own distance, and the error of as many principal components
as there are latent dimensions.

    SKGAL_DATA=... python benchmarks/reconstruction.py --seeds 0 1 2 3 4

Runs that the output has are not made again.
"""

import argparse
import itertools
import time
import warnings
from functools import cache, partial
from pathlib import Path

import numpy as np
import sklearn
import torch
from generators import features, train_classifier
from report import ReportFile
from simulators import make, run_cell
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skgal.datasets import load_images
from skgal.design import energy_distance
from skgal.generators import GIN, BiGAN
from skgal.metrics import frechet_distance

ARMS = {
    "GIN": (GIN, {}),
    "GIN, encoder afterwards": (GIN, {"inversion": "after"}),
    "BiGAN": (BiGAN, {}),
}
REFERENCE = "training rows"
DATA = (
    "truss, 60",
    "truss, 1000",
    "reactor, 60",
    "reactor, 1000",
    "digits, 100",
    "digits, 1000",
    "fashion_mnist, 400",
)
SIMULATORS = ("truss", "reactor")
# Codes whose spread is measured; latent dimensions, the default of all.
N_CODES, LATENT_DIM = 700, 8


def prepare(data, seed):
    """Return training rows, rows held out, what scales errors, and what measures distances."""
    name, n_train = data.split(", ")
    n_train = int(n_train)
    if name in SIMULATORS:
        bunch, _ = make(name, "class", seed)
        X, fresh = bunch.X[:n_train], bunch.X_test[:2000]
        scale = fresh.std(axis=0)
        return X, fresh, scale, lambda drawn: energy_distance(drawn / scale, fresh / scale)
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        X, fresh = train_test_split(
            X.reshape(-1, 1, 8, 8), train_size=n_train, test_size=700, stratify=y, random_state=seed
        )
        scale = 16 / 2
        return X, fresh, scale, lambda drawn: frechet_distance(fresh / scale, drawn / scale)
    X, y = load_images(name, subset="train", return_X_y=True)
    X, _ = train_test_split(X, train_size=n_train, stratify=y, random_state=seed)
    net, fresh = classifier_of(name)
    real = features(net, fresh)
    return X, fresh, 255 / 2, lambda drawn: frechet_distance(real, features(net, drawn))


@cache
def classifier_of(name):
    """Train the classifier that compares images; return it and images it hasn't seen."""
    X, y = load_images(name, subset="test", return_X_y=True)
    X_fit, fresh, y_fit, _ = train_test_split(X, y, train_size=6000, stratify=y, random_state=0)
    return train_classifier(X_fit, y_fit, 1500, seed=0), fresh[:2000]


def run_arm(data, arm, times, seed, first=None):
    """Train one generator for its seconds, and measure it; ``first``: of GIN's default."""
    X, fresh, scale, distance = prepare(data, seed)
    cls, parameters = ARMS[arm]
    parameters = {**parameters, "random_state": seed}
    cls(max_iter=1, **parameters).fit(X)  # torch imports modules at its first step
    if first is None:
        n_updates = None
    elif arm == "GIN":
        n_updates = times * first["updates"]
    else:
        timed = first["updates"] // 40, first["updates"] // 10
        n_updates = updates_within(times * first["seconds"], timed, X, cls, parameters)
    seconds, generator = time_fit(X, cls, n_updates, parameters)

    codes = generator.transform(fresh)
    latent = generator.sample_latent(len(fresh), random_state=seed)
    drawn = generator.generate(latent)
    scores = {
        "updates": generator.n_iter_,
        "seconds": seconds,
        "rmse": rms((generator.inverse_transform(codes).astype(float) - fresh) / scale),
        "latent_rmse": rms(generator.transform(drawn) - latent),
        "distance": distance(drawn),
        "unevenness": unevenness(codes[:N_CODES], np.random.default_rng(seed)),
    }
    name, n_train = data.split(", ")
    if name in SIMULATORS and n_train == "60":
        scores["aisel"] = accuracy(name, seed, "aisel", generator)
        if first is None:
            scores["random"] = accuracy(name, seed, "random", generator)
    return scores


def time_fit(X, cls, n_updates, parameters):
    """Fit a generator; return the seconds of the processor, and the generator."""
    limit = {} if n_updates is None else {"max_iter": n_updates}
    start = time.process_time()
    generator = cls(**limit, **parameters).fit(X)
    return time.process_time() - start, generator


def updates_within(seconds, timed, X, cls, parameters):
    """Time two small numbers of updates; return how many a fit of so many seconds makes."""
    few, more = timed
    of_few, of_more = (time_fit(X, cls, n, parameters)[0] for n in timed)
    each = (of_more - of_few) / (more - few)
    return max(round(few + (seconds - of_few) / each), 1)


def rms(error):
    return float(np.sqrt(np.mean(np.square(error))))


def unevenness(codes, rng, n_repeats=20):
    """Return the energy distance of codes to uniform points over that of such points."""
    draws = rng.uniform(-1, 1, size=(2, n_repeats, *codes.shape))
    to_uniform = np.mean([energy_distance(codes, points) for points in draws[0]])
    return float(
        to_uniform / np.mean([energy_distance(*pair) for pair in zip(*draws, strict=True)])
    )


def accuracy(simulator, seed, strategy, generator):
    """Return the accuracy after 140 designs that a strategy made with a generator."""
    cell = run_cell(simulator, "class", 20, seed, strategy, lambda *_: generator)
    return cell["scores"][-1]


def measure_reference(data, arm, times, seed):
    """Return the distance of the training rows themselves, and the error of components."""
    X, fresh, scale, distance = prepare(data, seed)
    scores = {"distance": distance(X)}
    if X[0].size > LATENT_DIM:
        pca = PCA(LATENT_DIM).fit(X.reshape(len(X), -1))
        rows = fresh.reshape(len(fresh), -1).astype(float)
        scores["rmse"] = rms((pca.inverse_transform(pca.transform(rows)) - rows) / scale)
    return scores


def summarize(runs):
    """Return mean and standard deviation of each score, and its lead over GIN, by data and arm.

    A lead is the mean of the differences of the same seed, with its standard error.
    """
    cells = {}
    for key, scores in runs.items():
        data, arm, times, seed = key.split(" | ")
        cells.setdefault((data, int(times)), {}).setdefault(arm, {})[int(seed)] = dict(scores)
    summary = {}
    for (data, times), arms in sorted(cells.items(), key=lambda cell: DATA.index(cell[0][0])):
        random = cells[data, 1]["GIN"]
        for by_seed in arms.values():
            for seed, scores in by_seed.items():
                if "aisel" in scores:
                    scores["aisel"] -= random[seed]["random"]
        summary[f"{data}, {times} times the seconds" if times > 1 else data] = {
            arm: {
                name: mean_and_spread(by_seed, arms.get("GIN", {}), name)
                for name in next(iter(by_seed.values()))
                if name != "random"
            }
            for arm, by_seed in arms.items()
        }
    return summary


def mean_and_spread(by_seed, of_gin, name):
    values = [scores[name] for scores in by_seed.values()]
    row = {"n": len(values), "mean": np.mean(values), "sd": np.std(values, ddof=len(values) > 1)}
    leads = [
        scores[name] - of_gin[seed][name]
        for seed, scores in by_seed.items()
        if name in of_gin.get(seed, {})
    ]
    if len(leads) > 1 and by_seed is not of_gin:
        row |= {
            "minus_gin": np.mean(leads),
            "minus_gin_se": np.std(leads, ddof=1) / len(leads) ** 0.5,
        }
    return row


def main():
    """Run what is missing; rewrite the report after each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--times", type=int, default=1, help="the seconds of GIN's default")
    default_output = Path("benchmarks/results/reconstruction.json")
    parser.add_argument("--output", type=Path, default=default_output)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    settings = {"seconds": "those of GIN's default", "latent_dim": LATENT_DIM}
    report = ReportFile(args.output, settings, [torch, sklearn, np])
    runs = report.read_runs()

    def run_missing(measure, data, arm, times, seed):
        key = f"{data} | {arm} | {times} | {seed}"
        if key not in runs:
            runs[key] = measure(data, arm, times, seed)
            report.write(runs, summary=summarize(runs))
            print(key, {name: f"{value:.4g}" for name, value in runs[key].items()}, flush=True)
        return runs[key]

    for seed, data in itertools.product(args.seeds, args.data):
        first = run_missing(run_arm, data, "GIN", 1, seed)
        run_missing(measure_reference, data, REFERENCE, 1, seed)
        for arm in args.arms:
            run_missing(partial(run_arm, first=first), data, arm, args.times, seed)


if __name__ == "__main__":
    main()
