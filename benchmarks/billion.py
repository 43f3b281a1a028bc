"""Pools on a dask cluster of two processes: cost per million rows, and what comes over the wire.

The blocks are made and kept by the workers; the client never holds the pool. For each size:

- ``scan``: a query of 50 by entropy with logistic regression;
- ``matcher``: building the index of ASAL, exact, where the blocks lie, and matching 50 points;
- ``TypiClust features``: reading what TypiClust clusters, the inputs of the classifier's last
  layer, which all come to the client.

Seconds are the client's by the clock; ``processor`` adds up the two workers' and the client's.
``received`` is what the client got from the cluster.

    python benchmarks/billion.py --sizes 100000 1000000 10000000
"""

import argparse
import os
from pathlib import Path
from time import perf_counter, process_time

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import dask
import dask.array
import distributed
import numpy as np
import psutil
import sklearn
from report import ReportFile
from sklearn.linear_model import LogisticRegression

from skgal.features import feature_extractor
from skgal.matching import FeatureMatcher
from skgal.query import UncertaintySampling
from skgal.utils import as_pool

N_FEATURES, BLOCK, N_LABELLED = 20, 50_000, 200


def make_pool(client, n):
    """Numbers made by the workers, and labels of the first rows."""
    random = dask.array.random.default_rng(0)
    X = random.normal(size=(n, N_FEATURES), chunks=(BLOCK, N_FEATURES)).astype(np.float32)
    X = X.persist()
    distributed.wait(X)
    head = X[:N_LABELLED].compute()
    target = (head[:, :2] > 0) @ [1, 2]
    y = np.full(n, np.nan)
    y[:N_LABELLED] = target
    return X, y, LogisticRegression(max_iter=200).fit(head, target)


def processor_of_workers(client):
    return sum(client.run(process_time).values())


def clocked(client, function):
    """Call a function; return what it returned, and what it took."""
    before, client_before = processor_of_workers(client), process_time()
    received = psutil.net_io_counters(pernic=True)["lo"].bytes_recv
    start = perf_counter()
    result = function()
    seconds = perf_counter() - start
    received = psutil.net_io_counters(pernic=True)["lo"].bytes_recv - received
    own = process_time() - client_before
    return result, {
        "seconds": seconds,
        "processor": processor_of_workers(client) - before + own,
        "processor, client": own,
        "MB over the loopback, of all on this machine": received / 1e6,
    }


def measure(client, n):
    """Run all steps on a pool of ``n`` rows."""
    X, y, clf = make_pool(client, n)
    queries = np.random.default_rng(1).normal(size=(50, N_FEATURES)).astype(np.float32)
    scan, steps = UncertaintySampling("entropy", random_state=0), {}
    chosen, steps["scan"] = clocked(client, lambda: scan.query(X, y, clf, batch_size=50))
    matcher = FeatureMatcher(index="brute", n_components=None)
    _, steps["matcher, fit"] = clocked(client, lambda: matcher.fit(X))
    matched, steps["matcher, 50 points"] = clocked(client, lambda: matcher.match(queries))
    extract = feature_extractor("classifier", clf)
    points, steps["TypiClust features"] = clocked(
        client, lambda: np.concatenate(list(as_pool(X).map(extract)))
    )
    assert len(set(chosen)) == len(set(matched)) == 50  # noqa: S101
    assert len(points) == n  # noqa: S101
    return {
        name: step | {"processor per million rows": step["processor"] * 1e6 / n}
        for name, step in steps.items()
    }


def main():
    """Measure one size after the other; write after each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[10**5, 10**6, 10**7])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/billion.json"))
    args = parser.parse_args()
    settings = {"features": N_FEATURES, "rows a block": BLOCK, "dtype": "float32"}
    file = ReportFile(args.output, settings, [np, sklearn, dask, distributed])
    runs = file.read_runs()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        measure(client, BLOCK)  # imports, on the workers
        for n in args.sizes:
            if str(n) not in runs:
                runs[str(n)] = measure(client, n)
                file.write(runs)
            print(n, runs[str(n)], flush=True)


if __name__ == "__main__":
    main()
