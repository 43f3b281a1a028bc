"""How processor time and peak memory grow: slopes on logarithmic axes over a decade or nearly.

A slope of 0 is a cost that doesn't depend on the size, 1 a proportional one, 2 a quadratic one.
Each case runs in a process of its own with one thread, from the smallest size to the largest, after
a call on the smallest that isn't counted. ``expected`` is what the algorithm itself needs at most.
A slope is below it where fixed costs dominate, and it shows nothing then. Memory is what the calls
add to the peak of the process: sizes that add less than 4 MB are left out of its slope.

    python benchmarks/growth.py
    python benchmarks/growth.py --cases "store.tell, records" --repeats 5
"""

import argparse
import os
import resource
import statistics
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import process_time

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import numpy as np
from report import ReportFile

ENOUGH_MB = 4
ENOUGH_SECONDS = 0.02


def gan(size, *, what):
    """A training of 20 updates when rows, columns or pixels grow."""
    from skgal.generators import GAN

    shape = {"rows": (size, 20), "columns": (500, size), "side": (100, 3, size, size)}[what]
    X = np.random.default_rng(0).uniform(size=shape).astype(np.float32)
    model = GAN(max_iter=20, batch_size=32, latent_dim=16, device="cpu", random_state=0)

    return lambda: model.fit(X)


def gan_sample(size):
    """Draw double-precision images from a fitted generator."""
    from skgal.generators import GAN

    X = np.random.default_rng(0).uniform(size=(40, 3, 64, 64))
    model = GAN(max_iter=1, batch_size=8, device="cpu", random_state=0).fit(X)
    return lambda: model.sample(size, random_state=0)


def table_layout(size, *, what):
    """Write a table with a column of many categories as networks see it."""
    import pandas as pd

    from skgal.utils import make_layout

    n_rows, n_categories = (size, 50) if what == "rows" else (5000, size)
    rng = np.random.default_rng(0)
    kinds = np.array([f"kind {i}" for i in range(n_categories)])
    column = kinds[rng.permutation(np.arange(n_rows) % n_categories)]
    X = pd.DataFrame({"kind": pd.Categorical(column), "value": rng.normal(size=n_rows)})
    return lambda: make_layout(X, None).to_network(X)


def query(size, *, name, what, n=20_000, batch_size=20, **params):
    """A query when the pool, the batch or the number of classes grows."""
    from sklearn.linear_model import LogisticRegression

    from skgal import query as strategies

    n = size if what == "pool" else n
    batch_size = size if what == "batch" else batch_size
    n_classes = size if what == "classes" else 10
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n_classes, 20))
    target = np.arange(n) % n_classes
    X = (centres[target] + rng.normal(size=(n, 20))).astype(np.float32)
    y = np.where(np.arange(n) < 200, target, np.nan)
    clf = LogisticRegression(max_iter=50).fit(X[:200], target[:200])
    strategy = getattr(strategies, name)(random_state=0, **params)
    return lambda: strategy.query(X, y, clf, batch_size=batch_size)


def asal(size):
    """A query of ASAL, whose pool grows: matching by brute force, the search as it is."""
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LogisticRegression

    from skgal.generators import GAN
    from skgal.query import ASAL

    X = np.random.default_rng(0).normal(size=(size, 20)).astype(np.float32)
    target = (X[:, 0] > 0).astype(int)
    y = np.where(np.arange(size) < 200, target, np.nan)
    generator = GAN(max_iter=2, device="cpu", random_state=0).fit(X[:500])
    strategy = ASAL(FrozenEstimator(generator), index="brute", max_iter=5, random_state=0).fit(X)
    clf = LogisticRegression().fit(X[:200], target[:200])
    return lambda: strategy.query(X, y, clf, batch_size=20)


def sampler(size, *, name):
    """Fit and resample, a tenth of the rows being of the rare class, with 20 updates."""
    from skgal import resampling
    from skgal.generators import ACGAN, PolarityGAN

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(size, 10)).astype(np.float32), (np.arange(size) % 10 == 0).astype(int)
    model = PolarityGAN if name == "PolarityGANSampler" else ACGAN
    generator = model(max_iter=20, device="cpu", random_state=0)
    over_sampler = getattr(resampling, name)(generator, random_state=0)
    return lambda: over_sampler.fit_resample(X, y)


def _store(path, size):
    from skgal.active import LabelStore

    store, rng = LabelStore(path), np.random.default_rng(0)
    for start in range(0, size, 1000):
        ids = store.add_query(rng.normal(size=(min(1000, size - start), 5)))
        store.tell(ids, np.arange(len(ids)) % 3)
    return store


def store(size, *, what):
    """One more of each, in a store that has grown."""
    from skgal.active import LabelStore

    path = Path(tempfile.mkdtemp()) / "labels.db"
    filled, rng = _store(path, size), np.random.default_rng(1)
    if what == "open":
        filled.close()
        return lambda: LabelStore(path).close()
    ids = filled.add_query(rng.normal(size=(1000, 5)))
    at = iter(range(1000))

    def tell():
        for _ in range(20):
            filled.tell([ids[next(at)]], [1])

    calls = {"tell": tell, "records": filled.records, "counts": filled.counts}
    calls["add_query"] = lambda: [filled.add_query(rng.normal(size=(1, 5))) for _ in range(20)]
    return calls[what]


def store_sample(side):
    """Ask about 20 images of a given side."""
    from skgal.active import LabelStore

    filled = LabelStore(Path(tempfile.mkdtemp()) / "labels.db")
    rng = np.random.default_rng(0)
    return lambda: filled.add_query(rng.normal(size=(20, 3, side, side)).astype(np.float32))


def learner_tell(size):
    """Five answers, one by one, to a learner that has as many labels; its model costs nothing."""
    from sklearn.dummy import DummyClassifier

    from skgal.active import ActiveLearner
    from skgal.query import RandomSampling

    rng = np.random.default_rng(0)
    n = size + 2000
    X, y = rng.normal(size=(n, 5)), np.full(n, np.nan)
    y[:10] = np.arange(10) % 2
    learner = ActiveLearner(
        DummyClassifier(),
        RandomSampling(random_state=0),
        budget=n,
        store=Path(tempfile.mkdtemp()) / "labels.db",
        random_state=0,
    ).fit(X, y)
    first = learner.ask(size)
    learner.tell(first, np.arange(size) % 2)
    ids = iter(learner.ask(200).ids)

    def tell():
        for _ in range(5):
            learner.tell(next(ids), 1)

    return tell


def design(size, *, what):
    """Ten iterations of support points."""
    from skgal.design import support_points

    n_points, n_candidates = (size, 4000) if what == "points" else (50, size)
    candidates = np.random.default_rng(0).uniform(size=(n_candidates, 5))

    def find():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            support_points(n_points, candidates, max_iter=10, tol=0, random_state=0)

    return find


def score(size, *, name):
    """A score of two samples of 20 features."""
    from skgal import metrics
    from skgal.design import energy_distance

    function = energy_distance if name == "energy_distance" else getattr(metrics, name)
    first, second = np.random.default_rng(0).normal(size=(2, size, 20))
    return lambda: function(first, second)


# A function, its settings, the sizes, and the slopes expected of processor time and memory.
DECADE = (2_000, 6_000, 20_000)
CASES = {
    "GAN.fit of 20 updates, rows": (gan, {"what": "rows"}, DECADE, 0),
    "GAN.fit of 20 updates, columns": (gan, {"what": "columns"}, (20, 60, 200), 1),
    "GAN.fit of 20 updates, side of images": (gan, {"what": "side"}, (8, 16, 32), 2),
    "GAN.sample of 3x64x64 in float64, images": (gan_sample, {}, (30, 100, 300), 1),
    "table to network, rows": (table_layout, {"what": "rows"}, DECADE, 1),
    "table to network, categories": (table_layout, {"what": "categories"}, (30, 100, 300), 1),
    **{
        f"{name}.query, pool": (
            query,
            {"name": name, "what": "pool", **params},
            (1_000, 2_000, 4_000) if slope == 2 else (10_000, 30_000, 100_000),
            slope,
        )
        for name, params, slope in [
            ("RandomSampling", {}, 1),
            ("UncertaintySampling", {}, 1),
            ("CoreSet", {}, 1),
            ("BADGE", {}, 1),
            ("TypiClust", {}, 2),
            ("ProbCover", {"n_classes": 10}, 2),
        ]
    },
    "ASAL.query, pool": (asal, {}, (10_000, 30_000, 100_000), 1),
    **{
        f"{name}.query, batch": (query, {"name": name, "what": "batch"}, (10, 30, 100), slope)
        for name, slope in [("UncertaintySampling", 0), ("CoreSet", 1), ("BADGE", 1)]
    },
    **{
        f"{name}.query, classes": (query, {"name": name, "what": "classes"}, (4, 12, 40), 1)
        for name in ("UncertaintySampling", "BADGE")
    },
    **{
        f"{name}, rows": (sampler, {"name": name}, (1_000, 3_000, 10_000), 1)
        for name in ("GANOverSampler", "PolarityGANSampler", "SelectiveAugmentation")
    },
    # Every row is checked against its digest before a store is used.
    "store: open, records": (store, {"what": "open"}, DECADE, 1),
    "store.add_query, records": (store, {"what": "add_query"}, DECADE, 0),
    "store.tell, records": (store, {"what": "tell"}, DECADE, 0),
    "store.counts, records": (store, {"what": "counts"}, DECADE, 1),
    "store.records, records": (store, {"what": "records"}, DECADE, 1),
    "store.ask, side of images": (store_sample, {}, (32, 100, 320), 2),
    "learner.tell, records": (learner_tell, {}, DECADE, 0),
    "support_points, points": (design, {"what": "points"}, (20, 60, 200), 1),
    "support_points, candidates": (design, {"what": "candidates"}, DECADE, 1),
    "energy_distance, rows": (score, {"name": "energy_distance"}, (1_000, 2_000, 4_000), 2),
    "frechet_distance, rows": (score, {"name": "frechet_distance"}, DECADE, 1),
}


def measure(case, sizes, repeats):
    """Call at each size, in this process; return processor seconds and megabytes added."""
    function, settings, _, _ = CASES[case]
    warnings.simplefilter("ignore")
    function(sizes[0], **settings)()
    rows = []
    for size in sizes:
        call = function(size, **settings)
        before, seconds = _peak_mb(), []
        for _ in range(repeats):
            start, calls = process_time(), 0
            while calls == 0 or (process_time() - start < ENOUGH_SECONDS and calls < 5):
                call()
                calls += 1
            seconds.append((process_time() - start) / calls)
        rows.append({"size": size, "processor": statistics.median(seconds)})
        rows[-1]["added_mb"] = _peak_mb() - before
    return rows


def _peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def slope(rows, quantity, least):
    """Fit a line through the logarithms; None where fewer than two sizes say something."""
    points = [(row["size"], row[quantity]) for row in rows if row[quantity] > least]
    if len(points) < 2:
        return None
    return float(np.polyfit(*np.log(points).T, 1)[0])


def main():
    """Measure, print and write; what an earlier call has measured is kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", type=int, help="in place of the case's own")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/growth.json"))
    args = parser.parse_args()

    import scipy
    import sklearn

    settings = {"repeats": args.repeats, "sizes": args.sizes, "threads": 1}
    file = ReportFile(args.output, settings, [np, scipy, sklearn])
    runs = file.read_runs()
    for case in args.cases:
        if case not in runs:
            sizes = args.sizes or CASES[case][2]
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
                runs[case] = {"at": executor.submit(measure, case, sizes, args.repeats).result()}
            runs[case] |= {
                "slope of processor time": slope(runs[case]["at"], "processor", 0),
                "slope of memory": slope(runs[case]["at"], "added_mb", ENOUGH_MB),
                "expected": CASES[case][3],
            }
            file.write(runs)
        time, memory, expected = list(runs[case].values())[1:]
        memory = "    -" if memory is None else f"{memory:5.2f}"
        last = runs[case]["at"][-1]
        print(
            f"{case:42s} time {time:5.2f}  memory {memory}  expected {expected}   "
            f"{last['processor']:.3g} s at {last['size']:,d}",
            flush=True,
        )


if __name__ == "__main__":
    main()
