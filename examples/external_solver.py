"""A solver that is a program of its own labels designs: in parallel, with failures, resumable.

Each design becomes a folder with an input file; the solver runs there as a subprocess, with a time
limit, and its output file is the label. What fails is declined: it costs its run, not the batch,
and the next designs keep away from it. Every label is in the store before it is used, so that the
same command goes on where it was killed, and runs no design twice.

    python examples/external_solver.py
    python examples/external_solver.py --backend dask  # on a Dask cluster, here one of this machine

The question: which cooling fins have a tip hotter than 330 K?
"""

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgal import AISEL, ActiveLearner, CallableOracle, DesignBox

SOLVER = Path(__file__).resolve().with_name("fin_solver.py")
RANGES = {
    "length": (0.02, 0.3),
    "thickness": (0.001, 0.01),
    "conductivity": (15.0, 400.0),
    "convection": (5.0, 100.0),
    "base": (320.0, 1000.0),
}


def run_solver(design):
    """Run the solver on one design, a row of the table of designs; return the class of its tip."""
    with tempfile.TemporaryDirectory() as folder:
        case, result = Path(folder, "case.json"), Path(folder, "result.json")
        case.write_text(json.dumps({name: float(design[name]) for name in RANGES}))
        command = [sys.executable, SOLVER, case, result]
        # One that hangs raises here; one that fails says so by its exit code.
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if run.returncode != 0:
            raise RuntimeError(run.stderr.strip())
        return int(json.loads(result.read_text())["tip_temperature"] > 330)


def run_given(n_designs, path, oracle):
    """Label random designs to begin with, or read those of an earlier call; NaN if failed."""
    if path.exists():
        return pd.read_csv(path, float_precision="round_trip")
    low, high = np.array(list(RANGES.values())).T
    X = np.random.RandomState(0).uniform(low, high, (n_designs, len(RANGES)))
    given = pd.DataFrame(X, columns=list(RANGES))
    given["is_hot"] = np.asarray(oracle(given), dtype=float)
    given.to_csv(path, index=False)
    return given


@contextmanager
def backend(name, n_jobs):
    """Have joblib run the solver on a Dask cluster; or leave it to processes of this machine."""
    if name == "local":
        yield
        return
    from dask.distributed import Client

    # Client("tcp://scheduler:8786") is all that changes on a real cluster.
    with (
        Client(n_workers=n_jobs, threads_per_worker=1, dashboard_address=None),
        joblib.parallel_config("dask"),
    ):
        yield


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=["local", "dask"], default="local")
    parser.add_argument("--n-given", type=int, default=20)
    parser.add_argument("--budget", type=int, default=40)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--store", default="fins.db")
    return parser.parse_args()


def main():
    args = parse_args()
    oracle = CallableOracle(run_solver, n_jobs=args.n_jobs, on_error="decline")
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), GaussianProcessClassifier(1.0 * RBF())),
        AISEL(DesignBox(RANGES, log=["conductivity", "convection"]), n_candidates=2000),
        oracle=oracle,
        batch_size=10,
        budget=args.budget,
        store=args.store,
        random_state=0,
    )
    with backend(args.backend, args.n_jobs):
        given = run_given(args.n_given, Path(args.store).with_suffix(".csv"), oracle).dropna()
        learner.fit(given[list(RANGES)].reset_index(drop=True), given["is_hot"].to_numpy())
    n_bought = int(learner.labelled_.is_synthetic.sum())
    print(f"{len(given)} of {args.n_given} given designs could be computed.")
    print(f"{n_bought} of {args.budget} designed ones could be computed.")
    print(f"share of hot fins: {np.mean(learner.labelled_.y):.2f}; all labels are in {args.store}")


if __name__ == "__main__":
    main()
