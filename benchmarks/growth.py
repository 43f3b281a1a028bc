"""How processor time and peak memory grow: slopes on logarithmic axes over a decade or more.

A slope of 0 is a cost that doesn't depend on the size, 1 a proportional one, 2 a quadratic one.
Each case runs in a process of its own with one thread, from the smallest size to the largest, after
a call on the smallest that isn't counted. ``expected`` is what the algorithm itself needs at most,
in time and in memory. A slope is below it where fixed costs dominate, and it shows nothing then.
The time is the least of the repeats, fewer where a call takes long. Memory is how far the peak
rises above what the process holds before the call, as Linux counts it: sizes that add less than
2 MB are left out of its slope.

    python benchmarks/growth.py
    python benchmarks/growth.py --cases "LabelStore: tell, records" --repeats 5
"""

import argparse
import ctypes
import os
import re
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import process_time

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import numpy as np
from report import ReportFile

ENOUGH_MB = 2
ENOUGH_SECONDS, MOST_SECONDS = 0.02, 2
# How much steeper than expected a slope may be.
TOLERANCE = 0.1
IMPORTS = ["pandas", "skgal.active", "skgal.metrics", "skgal.query", "skgal.resampling"]

# ---------------------------------------------------------------------- generators

FEW_UPDATES = {
    "DesignBox": {},
    "Autoencoder": {"max_iter": 20},
    "BAGAN": {"max_iter": 20, "autoencoder_max_iter": 20},
    "PolarityGAN": {"max_iter": 20, "autoencoder_max_iter": 20},
    "GIN": {"max_iter": 20, "encoder_max_iter": 20},
    **{name: {"max_iter": 20} for name in ("GAN", "CGAN", "ACGAN", "BiGAN", "StackGAN")},
}
CONDITIONAL = ("CGAN", "ACGAN", "BAGAN", "PolarityGAN", "StackGAN")


def _generator(name):
    from skgal import generators

    options = {} if name == "DesignBox" else {"batch_size": 32, "latent_dim": 8, "device": "cpu"}
    return getattr(generators, name)(**options, **FEW_UPDATES[name], random_state=0)


def fit_generator(size, *, name, what):
    """A training of 20 updates when rows, columns or pixels grow."""
    side = int(size**0.5)
    shape = {"rows": (size, 20), "columns": (500, size), "pixels": (100, 3, side, side)}[what]
    X = np.random.default_rng(0).uniform(size=shape).astype(np.float32)
    y = np.arange(len(X)) % 4 if name in CONDITIONAL else None
    model = _generator(name)
    return lambda: model.fit(X, y)


def sample(size, *, name):
    """Draw rows of 20 columns."""
    X = np.random.default_rng(0).uniform(size=(500, 20)).astype(np.float32)
    model = _generator(name).fit(X, np.arange(500) % 4 if name in CONDITIONAL else None)
    return lambda: model.sample(size, random_state=0)


def sample_images(size):
    """Draw double-precision images from a fitted generator."""
    from skgal.generators import GAN

    X = np.random.default_rng(0).uniform(size=(40, 3, 64, 64))
    model = GAN(max_iter=1, batch_size=8, device="cpu", random_state=0).fit(X)
    return lambda: model.sample(size, random_state=0)


def encode(size, *, name, what):
    """Map rows to latent points or back."""
    X = np.random.default_rng(0).uniform(size=(size, 20)).astype(np.float32)
    model = _generator(name).fit(X[:500])
    if what == "transform":
        return lambda: model.transform(X)
    Z = np.random.default_rng(1).normal(size=(size, 8))
    return lambda: model.inverse_transform(Z)


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


# ---------------------------------------------------------------------- strategies


def _problem(n, n_classes, n_labelled=200):
    """Blobs in 20 dimensions, labels of the first rows, and a model that learnt from these."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n_classes, 20))
    target = np.arange(n) % n_classes
    X = (centres[target] + rng.normal(size=(n, 20))).astype(np.float32)
    y = np.where(np.arange(n) < n_labelled, target, np.nan)
    clf = LogisticRegression(max_iter=50).fit(X[:n_labelled], target[:n_labelled])
    return X, y, clf


def query(size, *, name, what, n=20_000, n_classes=10, **params):
    """A query when the pool, the batch or the number of classes grows."""
    from skgal import query as strategies

    n = size if what == "pool" else n
    X, y, clf = _problem(n, size if what == "classes" else n_classes)
    if name == "LearningLoss":
        from torch import nn

        from skgal.classifiers import LossPredictionClassifier

        net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, n_classes))
        clf = LossPredictionClassifier(net, max_epochs=1, train_split=None, verbose=0)
        clf.fit(X[:200], y[:200].astype(int))
    if name == "FromSkactiveml":
        from skactiveml.pool import UncertaintySampling

        params = {"strategy": UncertaintySampling("entropy", random_state=0)}
    strategy = getattr(strategies, name)(random_state=0, **params)
    batch_size = size if what == "batch" else 20
    return lambda: strategy.query(X, y, clf, batch_size=batch_size)


def latent_query(size, *, name, what, **params):
    """A query of a strategy with a generator; what ``fit`` does once isn't counted."""
    from sklearn.frozen import FrozenEstimator

    from skgal import query as strategies
    from skgal.generators import GIN

    X, y, clf = _problem(size if what == "pool" else 2_000, size if what == "classes" else 2)
    generator = GIN(max_iter=2, encoder_max_iter=2, latent_dim=4, device="cpu", random_state=0)
    generator = FrozenEstimator(generator.fit(X[:500]))
    strategy = getattr(strategies, name)(generator, random_state=0, **params).fit(X)
    ask = getattr(strategy, "query", None) or strategy.synthesize
    batch_size = size if what == "batch" else 20
    return lambda: ask(X, y, clf, batch_size=batch_size)


def match(size, *, what, index):
    """Index the rows of a pool, or match samples to 5,000 of them."""
    from skgal.matching import FeatureMatcher

    rng = np.random.default_rng(0)
    pool = rng.normal(size=(size if what == "rows" else 5_000, 60)).astype(np.float32)
    matcher = FeatureMatcher(index=index, random_state=0)
    if what == "rows":
        return lambda: matcher.fit(pool)
    samples = rng.normal(size=(size, 60)).astype(np.float32)
    matcher.fit(pool)
    return lambda: matcher.match(samples)


# ---------------------------------------------------------------------- samplers


def resample(size, *, name, what="rows"):
    """Fit and resample, a tenth of the rows being of the rare class, with 20 updates."""
    from sklearn.linear_model import LogisticRegression

    from skgal import resampling

    n, n_columns = (size, 10) if what == "rows" else (1000, size)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, n_columns)).astype(np.float32), (np.arange(n) % 10 == 0).astype(int)
    generator = _generator("PolarityGAN" if name == "PolarityGANSampler" else "ACGAN")
    if name == "GatedSampler":
        sampler = resampling.GANOverSampler(generator, random_state=0)
        sampler = resampling.GatedSampler(sampler, LogisticRegression(), cv=3, random_state=0)
    else:
        few = {"extractor_max_iter": 20} if name == "SelectiveAugmentation" else {}
        sampler = getattr(resampling, name)(generator, **few, random_state=0)
    return lambda: sampler.fit_resample(X, y)


# ---------------------------------------------------------------------- the store and the learner


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


def store_sample(pixels):
    """Ask about 20 images."""
    from skgal.active import LabelStore

    filled, side = LabelStore(Path(tempfile.mkdtemp()) / "labels.db"), int(pixels**0.5)
    images = np.random.default_rng(0).normal(size=(20, 3, side, side)).astype(np.float32)
    return lambda: filled.add_query(images)


def _learner(path, **options):
    """A learner whose model and strategy cost next to nothing."""
    from sklearn.dummy import DummyClassifier

    from skgal.active import ActiveLearner
    from skgal.query import RandomSampling

    strategy = RandomSampling(random_state=0)
    return ActiveLearner(DummyClassifier(), strategy, store=path, random_state=0, **options)


def learner(size, *, what):
    """What a learner does when it has as many labels, or all it does for as many images."""
    path = Path(tempfile.mkdtemp()) / "labels.db"
    rng = np.random.default_rng(0)
    if what == "pixels":
        X, y = rng.normal(size=(60, 3, int(size**0.5), int(size**0.5))), np.full(60, np.nan)
        y[:10] = np.arange(10) % 2
        images = _learner(path, budget=10**6).fit(X, y)
        answers = iter(range(40))

        def ask_and_tell():
            images.tell(images.ask(1), [next(answers) % 2])

        return ask_and_tell
    n = size + 2000
    X, y = rng.normal(size=(n, 5)), np.full(n, np.nan)
    y[:10] = np.arange(10) % 2
    asking = _learner(path, budget=10**6).fit(X, y)
    asking.tell(asking.ask(size), np.arange(size) % 2)
    if what == "fit":
        return lambda: _learner(path, budget=10**6).fit(X, y)
    ids = iter(asking.ask(200).ids)

    def tell():
        for _ in range(5):
            asking.tell(next(ids), 1)

    return tell if what == "tell" else lambda: asking.ask(1)


def simulate(size):
    """Spend a budget one label a round, of a pool that stays as it is."""
    X = np.random.default_rng(0).normal(size=(2000, 5))
    return lambda: _learner(None, budget=size, batch_size=1, n_initial=10).fit(X, X[:, 0] > 0)


def split(size):
    """Five folds of a pool with a tenth of its labels."""
    from skgal.active import PartialLabelKFold

    X, y = np.zeros((size, 1)), np.where(np.arange(size) % 10, np.nan, np.arange(size) % 4)
    return lambda: list(PartialLabelKFold().split(X, y))


# ---------------------------------------------------------------------- designs and scores


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
    """A score of samples of 20 features."""
    from skgal import metrics
    from skgal.design import energy_distance

    function = energy_distance if name == "energy_distance" else getattr(metrics, name)
    samples = np.random.default_rng(0).normal(size=(3, size, 20))
    return lambda: function(*samples[: 3 if name == "memorization_ratio" else 2])


def score_classes(size):
    """The inception score of predictions of ten classes."""
    from skgal.metrics import inception_score

    proba = np.random.default_rng(0).dirichlet(np.ones(10), size=size)
    return lambda: inception_score(proba)


def score_table(size, *, name):
    """What is said of a table of three numbers and a category."""
    import pandas as pd

    from skgal import metrics

    rng = np.random.default_rng(0)
    tables = [pd.DataFrame(rng.normal(size=(size, 3)), columns=list("abc")) for _ in range(2)]
    for table in tables:
        table["d"] = np.array(["yes", "no"])[rng.integers(2, size=size)]
    return lambda: getattr(metrics, name)(*tables[: 2 if name == "compare_tables" else 1])


# A function, its settings, the sizes, and the slope expected of processor time and memory.
DECADE = (2_000, 6_000, 20_000)
POOL, SQUARE, FEW = (10_000, 30_000, 100_000), (1_000, 3_000, 10_000), (10, 30, 100)
PIXELS = (8**2, 16**2, 32**2)


def list_cases():
    """Return the cases by name."""
    cases = {}
    for name in FEW_UPDATES:
        # Each row is read and scaled once; of a training, 20 updates see some of them.
        growing = {"rows": DECADE, "columns": (20, 60, 200)}
        if name != "DesignBox":
            growing["pixels"] = PIXELS
        for what, sizes in growing.items():
            cases[f"{name}.fit, {what}"] = fit_generator, {"name": name, "what": what}, sizes, 1
        if name != "Autoencoder":
            cases[f"{name}.sample, rows"] = sample, {"name": name}, DECADE, 1
    for name in ("GIN", "Autoencoder"):
        for what in ("transform", "inverse_transform"):
            cases[f"{name}.{what}, rows"] = encode, {"name": name, "what": what}, DECADE, 1
    cases["GAN.sample of 3x64x64 in float64, images"] = sample_images, {}, (30, 100, 300), 1
    cases["table to network, rows"] = table_layout, {"what": "rows"}, DECADE, 1
    cases["table to network, categories"] = table_layout, {"what": "categories"}, (30, 100, 300), 1

    # Slopes of the pool, the batch and the classes. ProbCover and TypiClust look at pairs of
    # samples; another sample of a batch costs CoreSet and BADGE another pass. scikit-activeml keeps
    # a row of utilities of the whole pool for each sample of a batch, whether it returns them or
    # not: all but 2 MB of what a query of FromSkactiveml adds, at any batch size.
    for name, slopes, params in [
        ("RandomSampling", (1, 0, 0), {}),
        ("UncertaintySampling", (1, 0, 1), {}),
        ("CertaintySampling", (1, 0, 1), {}),
        ("LearningLoss", (1, 0, None), {}),
        ("FromSkactiveml", (1, 1, 1), {}),
        ("CoreSet", (1, 1, 0), {}),
        ("BADGE", (1, 1, 1), {}),
        ("TypiClust", (2, 1, 0), {}),
        ("ProbCover", (2, 1, None), {"n_classes": 10}),
    ]:
        small = {"n": 3_000} if slopes[0] == 2 else {}
        for what, slope in zip(("pool", "batch", "classes"), slopes, strict=True):
            sizes = {"pool": SQUARE if slope == 2 else POOL, "batch": FEW, "classes": (4, 12, 40)}
            if slope is not None:
                settings = {"name": name, "what": what, **params, **small}
                cases[f"{name}.query, {what}"] = query, settings, sizes[what], slope
    for name, slopes, params in [
        ("ASAL", (1, 1, 1), {"index": "brute", "max_iter": 5}),
        ("GAAL", (1, 1, 1), {"max_iter": 5}),
        ("ADBA", (1, 1, None), {}),
        ("AISEL", (1, 1, 1), {"n_candidates": 2_000}),
        ("LatentRandom", (1, 1, 0), {}),
        ("LatentUncertainty", (1, 1, 1), {"n_candidates": 2_000}),
        ("SpaceFilling", (1, 1, 0), {}),
    ]:
        for what, slope in zip(("pool", "batch", "classes"), slopes, strict=True):
            sizes = {"pool": POOL, "batch": FEW, "classes": (4, 12, 40)}[what]
            settings = {"name": name, "what": what, **params}
            if slope is not None:
                cases[f"{name}, {what}"] = latent_query, settings, sizes, slope
    for index in ("brute", "hnsw"):
        settings = {"what": "rows", "index": index}
        # Each point is inserted into the graph of those before it by a search that expands 200
        # points of 32 links: it computes up to 6,400 distances, or one to each point if those are
        # fewer. So the graph costs up to the square of the points in this decade.
        slope = 2 if index == "hnsw" else 1
        cases[f"FeatureMatcher.fit, {index}, rows"] = match, settings, DECADE, slope
        settings = {"what": "samples", "index": index}
        cases[f"FeatureMatcher.match, {index}, samples"] = match, settings, FEW, 1

    for name in ("GANOverSampler", "PolarityGANSampler", "SelectiveAugmentation", "GatedSampler"):
        cases[f"{name}, rows"] = resample, {"name": name}, SQUARE, 1
        cases[f"{name}, columns"] = resample, {"name": name, "what": "columns"}, (20, 60, 200), 1

    # Every row is checked against its digest before a store is used.
    for what, slope in [
        ("open", 1), ("add_query", 0), ("tell", 0), ("counts", 1), ("records", 1)
    ]:  # fmt: skip
        cases[f"LabelStore: {what}, records"] = store, {"what": what}, DECADE, slope
    cases["LabelStore: add_query, pixels"] = store_sample, {}, (32**2, 100**2, 320**2), 1
    for what, slope in [("tell", 0), ("ask", 1), ("fit", 1)]:
        cases[f"ActiveLearner.{what}, records"] = learner, {"what": what}, DECADE, slope
    cases["ActiveLearner.ask and tell, pixels"] = learner, {"what": "pixels"}, (32**2, 100**2), 1
    # Each of n rounds fits the model to all labels so far, 1 + 2 + ... + n rows in all: the learner
    # fits whatever model it is given anew. A DummyClassifier's share is small, so 1 is seen.
    cases["ActiveLearner.fit, labels of a simulation"] = simulate, {}, (30, 100, 300), 2
    cases["PartialLabelKFold.split, rows"] = split, {}, POOL, 1

    cases["support_points, points"] = design, {"what": "points"}, (20, 60, 200), 1
    cases["support_points, candidates"] = design, {"what": "candidates"}, DECADE, 1
    for name in ("frechet_distance", "kernel_distance"):
        cases[f"{name}, rows"] = score, {"name": name}, DECADE, 1
    # All pairs of samples: in time, and in memory up to scikit-learn's working_memory, 1 GB.
    for name in (
        "energy_distance", "generative_precision", "generative_recall", "density", "coverage",
        "diversity_ratio", "memorization_ratio",
    ):  # fmt: skip
        cases[f"{name}, rows"] = score, {"name": name}, (600, 2_000, 6_000), 2
    cases["inception_score, rows"] = score_classes, {}, DECADE, 1
    for name, slope in [("association_matrix", 1), ("compare_tables", 2)]:
        cases[f"{name}, rows"] = score_table, {"name": name}, (600, 2_000, 6_000), slope
    return cases


CASES = list_cases()


def measure(case, sizes, repeats):
    """Call at each size, in this process; return processor seconds and megabytes added."""
    function, settings, _, _ = CASES[case]
    warnings.simplefilter("ignore")
    function(sizes[0], **settings)()
    rows = []
    for size in sizes:
        call = function(size, **settings)
        before, seconds = _start_of_memory(), []
        for _ in range(repeats):
            start, calls = process_time(), 0
            while calls == 0 or (process_time() - start < ENOUGH_SECONDS and calls < 5):
                call()
                calls += 1
            seconds.append((process_time() - start) / calls)
            if sum(seconds) > MOST_SECONDS:
                break
        added = max(0, _memory_mb("VmHWM") - before)
        rows.append({"size": size, "processor": min(seconds), "added_mb": added})
    return rows


def _start_of_memory():
    """Give back what is free, let the peak start again, and return what is held."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _memory_mb("VmRSS")


def _memory_mb(name):
    return int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


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
    # A process forked from one that has nothing but its imports.
    context = get_context("forkserver")
    context.set_forkserver_preload(IMPORTS)
    for case in args.cases:
        if case not in runs:
            sizes = args.sizes or CASES[case][2]
            with ProcessPoolExecutor(1, mp_context=context) as executor:
                runs[case] = {"at": executor.submit(measure, case, sizes, args.repeats).result()}
            runs[case] |= {
                "slope of processor time": slope(runs[case]["at"], "processor", 0),
                "slope of memory": slope(runs[case]["at"], "added_mb", ENOUGH_MB),
                "expected": CASES[case][3],
            }
            file.write(runs)
        time, memory, expected = list(runs[case].values())[1:]
        is_steep = max(time, memory or 0) > expected + TOLERANCE
        memory = "    -" if memory is None else f"{memory:5.2f}"
        last = runs[case]["at"][-1]
        print(
            f"{case:42s} time {time:5.2f}  memory {memory}  expected {expected}   "
            f"{last['processor']:.3g} s, {last['added_mb']:.3g} MB at {last['size']:,d}"
            + ("   STEEPER THAN EXPECTED" if is_steep else ""),
            flush=True,
        )


if __name__ == "__main__":
    main()
