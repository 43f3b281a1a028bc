"""The pools and the competitors of ``benchmarks/query.py``; each case returns what it measured.

Imports are inside the functions, so that a process holds no library but its competitor's.
"""

import resource
import statistics
from contextlib import contextmanager
from functools import partial
from time import perf_counter, process_time

import numpy as np

BATCH_SIZE = 50
GROWTH_FROM = 100_000
N_LABELLED = 1000


def make_images(cache, n):
    """Put ``n`` MNIST images on disk, as rows of bytes.

    The 60,000 training images are repeated as often as it takes, each repetition moved sideways
    by another number of pixels.
    """
    X, y = _mnist("train")
    images = X.reshape(-1, 28, 28)
    with _new_array(cache / f"images_{n}.npy", (n, 784), np.uint8) as pool:
        for shift, start in enumerate(range(0, n, len(images))):
            moved = np.roll(images[: n - start], shift % 28, axis=2)
            pool[start : start + len(moved)] = moved.reshape(-1, 784)
    np.save(cache / "labels.npy", y[:N_LABELLED])


def make_features(cache, n):
    """Put ``n`` rows of 50 principal components on disk, and 50 queries.

    They are those of MNIST's training images, each repetition with a little noise, so that no
    two rows are the same; the queries are test images.
    """
    from sklearn.decomposition import PCA

    X, y = _mnist("train")
    pca, rng = PCA(50, svd_solver="covariance_eigh"), np.random.default_rng(0)
    points = pca.fit_transform(X / np.float32(255))
    with _new_array(cache / f"features_{n}.npy", (n, 50), np.float32) as pool:
        for start in range(0, n, len(points)):
            some = points[: n - start]
            pool[start : start + len(some)] = some + rng.normal(scale=0.02, size=some.shape)
    queries = _mnist("test")[0][:BATCH_SIZE] / np.float32(255)
    np.save(cache / "queries.npy", pca.transform(queries))
    np.save(cache / "labels.npy", y[:N_LABELLED])


def make_generator(cache, n):
    """Put the generator on disk; it is trained on the first 10,000 images."""
    import joblib
    from query_models import fit_generator

    X, _ = load_pool(cache, "images", n)
    joblib.dump(fit_generator(X[:10_000], n_updates=1500), cache / "generator.joblib")


def make_classifier(cache, n):
    """Put the LeNet on disk: two trainings differ in their last bits, and then in the search."""
    import joblib
    from query_models import fit_lenet

    X, y = load_pool(cache, "images", n)
    joblib.dump(fit_lenet(X[:N_LABELLED], y[:N_LABELLED]), cache / "classifier.joblib")


def load_pool(cache, kind, n):
    """Return the rows, memory-mapped, and labels of which the first 1,000 are known."""
    y = np.full(n, np.nan)
    y[:N_LABELLED] = np.load(cache / "labels.npy")
    return np.load(cache / f"{kind}_{n}.npy", mmap_mode="c"), y


def _mnist(subset):
    from skgal.datasets import load_images

    X, y = load_images("mnist", subset=subset, return_X_y=True)
    return X.reshape(len(X), -1), y


@contextmanager
def _new_array(path, shape, dtype):
    """Make an array on disk that has its name only once it is complete."""
    part = path.with_suffix(".part")
    array = np.lib.format.open_memmap(part, "w+", dtype, shape)
    yield array
    array.flush()
    part.rename(path)


def _timed(function, repeats):
    """Return the median seconds of a call, by the clock and of all processors, and memory."""
    before, seconds, processor = _peak_mb(), [], []
    for _ in range(repeats):
        start, processor_start = perf_counter(), process_time()
        function()
        seconds.append(perf_counter() - start)
        processor.append(process_time() - processor_start)
    return {
        "seconds": statistics.median(seconds),
        "processor": statistics.median(processor),
        "peak_mb": _peak_mb(),
        "added_mb": _peak_mb() - before,
    }


def _peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def linear_ours(cache, n, repeats):
    from sklearn.linear_model import LogisticRegression

    from skgal.query import UncertaintySampling

    X, y = load_pool(cache, "features", n)
    clf = LogisticRegression(max_iter=200).fit(X[:N_LABELLED], y[:N_LABELLED])
    strategy = UncertaintySampling("entropy", random_state=0)
    return _timed(lambda: strategy.query(X, y, clf, batch_size=BATCH_SIZE), repeats)


def linear_skactiveml(cache, n, repeats):
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import UncertaintySampling
    from sklearn.linear_model import LogisticRegression

    X, y = load_pool(cache, "features", n)
    clf = SklearnClassifier(LogisticRegression(max_iter=200), classes=range(10)).fit(
        X[:N_LABELLED], y[:N_LABELLED]
    )
    strategy = UncertaintySampling("entropy", random_state=0)
    return _timed(lambda: strategy.query(X, y, clf, fit_clf=False, batch_size=BATCH_SIZE), repeats)


def scan_ours(cache, n, repeats):
    import joblib

    from skgal.query import UncertaintySampling

    X, y = load_pool(cache, "images", n)
    clf = joblib.load(cache / "classifier.joblib")
    strategy = UncertaintySampling("entropy", random_state=0)
    return _timed(lambda: strategy.query(X, y, clf, batch_size=BATCH_SIZE), repeats)


def scan_skactiveml(cache, n, repeats):
    import joblib
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import UncertaintySampling

    class Fitted(SkactivemlClassifier):
        """A trained net, as scikit-activeml wants it: it has a wrapper, but none for one."""

        def __init__(self, net, missing_label=np.nan):
            self.net = net
            super().__init__(classes=range(10), missing_label=missing_label)

        def fit(self, X, y, sample_weight=None):
            return self

        def predict_proba(self, X):
            return self.net.predict_proba(X)

    X, y = load_pool(cache, "images", n)
    clf = Fitted(joblib.load(cache / "classifier.joblib"))
    strategy = UncertaintySampling("entropy", random_state=0)
    return _timed(lambda: strategy.query(X, y, clf, fit_clf=False, batch_size=BATCH_SIZE), repeats)


def scan_skactiveml_core_set(cache, n, repeats):
    from skactiveml.pool import CoreSet

    X, y = load_pool(cache, "images", n)
    strategy = CoreSet(random_state=0)
    return _timed(lambda: strategy.query(X, y, batch_size=BATCH_SIZE), repeats)


def make_asal(cache, n, index):
    """Put a fitted strategy on disk, and how long its fit took."""
    import joblib
    from sklearn.frozen import FrozenEstimator

    from skgal.query import ASAL

    X, y = load_pool(cache, "images", n)
    generator = FrozenEstimator(joblib.load(cache / "generator.joblib"))
    # Algorithm 1 of the paper; what the defaults add is rating some of the rows by the classifier.
    strategy = ASAL(
        generator,
        measure="entropy",
        oversampling=1,
        n_neighbors=1,
        n_random=0,
        align=False,
        index=index,
        random_state=0,
    )
    start = perf_counter()
    strategy.fit(X, y)
    joblib.dump((strategy, perf_counter() - start), cache / f"asal_{index}_{n}.joblib")


def asal(cache, n, repeats, index):
    import joblib

    X, y = load_pool(cache, "images", n)
    clf = joblib.load(cache / "classifier.joblib")
    strategy, fit_seconds = joblib.load(cache / f"asal_{index}_{n}.joblib")
    matching = _clocked(strategy.matcher_, "match")
    measured = _timed(lambda: strategy.query(X, y, clf, batch_size=BATCH_SIZE), repeats)
    return {
        **measured,
        "fit_seconds": fit_seconds,
        "matching_seconds": statistics.median(matching),
        "index": strategy.matcher_.index_,
    }


def growth(cache, n, repeats, index):
    """Query a pool and one of 10^5 in turn: whatever slows the machine slows both."""
    import joblib

    clf = joblib.load(cache / "classifier.joblib")
    queries, matching = {}, {}
    for size in (GROWTH_FROM, n):
        strategy, _ = joblib.load(cache / f"asal_{index}_{size}.joblib")
        matching[size] = _clocked(strategy.matcher_, "match")
        X, y = load_pool(cache, "images", size)
        queries[size] = partial(strategy.query, X, y, clf, batch_size=BATCH_SIZE)
        queries[size]()  # the first one reads the pool's labels, and torch's kernels, into memory
    runs = [{size: _timed(query, 1) for size, query in queries.items()} for _ in range(repeats)]
    ratios = {
        clock: [run[n][clock] / run[GROWTH_FROM][clock] for run in runs]
        for clock in ("seconds", "processor")
    }
    return {
        "seconds": statistics.median(run[n]["seconds"] for run in runs),
        "ratio": statistics.median(ratios["seconds"]),
        "processor ratio": statistics.median(ratios["processor"]),
        "ratios": ratios["seconds"],
        "matching share": statistics.median(
            seconds / run[n]["seconds"] for seconds, run in zip(matching[n][1:], runs, strict=True)
        ),
    }


def _clocked(owner, name):
    """Make a method write down its seconds, a number a call, in the list returned."""
    method, seconds = getattr(owner, name), []

    def call(*args, **kwargs):
        start = perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            seconds.append(perf_counter() - start)

    setattr(owner, name, call)
    return seconds


def neighbours(cache, n, repeats, index):
    from skgal.matching import FeatureMatcher

    X, _ = load_pool(cache, "features", n)
    queries = np.load(cache / "queries.npy")
    true_distances = FeatureMatcher(index="brute").fit(X).kneighbors(queries)[0]
    start = perf_counter()
    matcher = FeatureMatcher(index=index, random_state=0).fit(X)
    build_seconds = perf_counter() - start
    measured = _timed(lambda: matcher.kneighbors(queries), max(3, repeats))
    distances = matcher.kneighbors(queries)[0]
    return {
        **measured,
        "build_seconds": build_seconds,
        # By distance, in float32: of two rows equally far, either is right.
        "recall": float(np.mean(distances <= true_distances * (1 + 1e-5))),
        "index": matcher.index_,
    }


def core_set_ours(cache, n, repeats):
    from skgal.query import CoreSet

    X, y = load_pool(cache, "features", n)
    strategy = CoreSet(random_state=0)
    return _timed(lambda: strategy.query(X, y, None, batch_size=500), repeats)


def core_set_skactiveml(cache, n, repeats):
    from skactiveml.pool import CoreSet

    X, y = load_pool(cache, "features", n)
    strategy = CoreSet(random_state=0)
    return _timed(lambda: strategy.query(X, y, batch_size=500), repeats)


def badge(cache, n, repeats):
    from sklearn.linear_model import LogisticRegression

    from skgal.query import BADGE

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(100, 768)).astype(np.float32)
    known = rng.integers(100, size=20_000)
    X = centres[known] + 2 * rng.standard_normal((20_000, 768), dtype=np.float32)
    y = np.where(np.arange(20_000) < N_LABELLED, known, np.nan)
    clf = LogisticRegression(max_iter=20, tol=0.1).fit(X[:N_LABELLED], known[:N_LABELLED])
    strategy = BADGE(random_state=0)
    return _timed(lambda: strategy.query(X, y, clf, batch_size=BATCH_SIZE), repeats)
