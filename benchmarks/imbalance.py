"""Imbalanced classes: resamplers against class weights and doing nothing, tuned alike.

Nested cross-validation. Outer stratified folds, shuffled by each seed (larger data sets: a drawn
training set and their own test set). Within the training data every method has the same
number of configurations to choose from, by the macro-F1 of out-of-fold predictions, and each
configuration its best threshold; see ``imbalance_cv.py``, ``imbalance_methods.py`` and
``imbalance_data.py``. One classifier serves all, with a fixed number of updates, so that more
samples don't mean more training.

- Measures: macro-F1 and balanced accuracy at the tuned threshold, average precision of the rarest
  class, processor seconds of fitting the chosen configuration (also over those of the bare
  classifier, measured beside it), growth of the resident memory.
- The gate is asked about the configuration that was chosen, with the bare classifier and
  macro-F1 at its best threshold. Where it stays closed the arm is the bare classifier with its
  own tuned threshold.
- A method that fails on an inner fold with one configuration loses that configuration. If it fails
  with all, it scores what the bare classifier does, since that is what its user is left with;
  ``failed`` counts these splits, and ``failures`` says why.

The methods "... in features" resample what the last layer of the bare classifier sees. They have
no gate, whose folds would test on samples that the features were trained on.

Each run is written to the output as it ends; a command that is called again does only what is
missing there.

    SKGAL_DATA=... python benchmarks/imbalance.py --datasets small --seeds 0 1 2 3 4
    SKGAL_DATA=... python benchmarks/imbalance.py --datasets fashion_mnist_tenth --configs 2 \
        --classifier-updates 600 --output benchmarks/results/imbalance_images.json
"""

import argparse
from pathlib import Path
from time import process_time

import imblearn
import joblib
import numpy as np
import sklearn
import skorch
import torch
from imbalance_cv import run_job
from imbalance_data import CASES, SMALL
from imbalance_methods import CLASSIFIERS, METHODS, make_methods
from imbalance_summary import summarize
from report import ReportFile

#: What decides the results, besides data set, method and seed.
SETTINGS = (
    "outer",
    "inner",
    "configs",
    "classifier",
    "classifier_updates",
    "gan_updates",
    "extractor_updates",
    "gate_folds",
    "gate_alpha",
    "min_gain",
)


def jobs_to_do(args, runs):
    """Return the keys of the runs that are missing; a data set's methods follow each other."""
    datasets = [
        name for entry in args.datasets for name in (SMALL if entry == "small" else [entry])
    ]
    methods = make_methods(args.gan_updates, args.extractor_updates)
    return [
        (dataset, seed, method)
        for seed in args.seeds
        for dataset in datasets
        for method in args.methods
        if CASES[dataset].has_categories or not methods[method].takes_categories
        if f"{dataset}/{seed}/{method}" not in runs
    ]


def run(args, dataset, seed, method):
    """Run one method on one data set with one seed; in a process of its own, perhaps."""
    start = process_time()
    case = CASES[dataset]
    methods = make_methods(args.gan_updates, args.extractor_updates, is_image=case.is_image)
    arms = run_job(case, methods[method].first(args.configs), args, seed)
    return f"{dataset}/{seed}/{method}", arms, process_time() - start


def main():
    """Run what is missing, and write the report after each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--datasets", nargs="+", default=["small"], choices=["small", *CASES], metavar="NAME"
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        default=[name for name in METHODS if not name.endswith(" in features")],
        choices=METHODS,
        metavar="NAME",
        help="default: all that take the data as they are",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--outer", type=int, default=3, help="folds whose scores count")
    parser.add_argument("--inner", type=int, default=2, help="folds for tuning; images: one part")
    parser.add_argument("--configs", type=int, default=4, help="configurations of each method")
    parser.add_argument("--classifier", default="net", choices=CLASSIFIERS)
    parser.add_argument("--classifier-updates", type=int, default=200)
    parser.add_argument("--gan-updates", type=int, default=200, help="of ACGAN and CGAN")
    parser.add_argument("--extractor-updates", type=int, default=200)
    parser.add_argument("--gate-folds", type=int, default=3, help="0: no arms with a gate")
    parser.add_argument("--gate-alpha", type=float, default=0.1, help="level of the gate's test")
    parser.add_argument("--min-gain", type=float, default=0.0, help="of the gate")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/imbalance.json"))
    args = parser.parse_args()

    settings = {name: getattr(args, name) for name in SETTINGS}
    report = ReportFile(args.output, settings, (sklearn, imblearn, skorch, torch, np))
    runs = report.read_runs()
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator_unordered")
        for key, arms, seconds in parallel(
            joblib.delayed(run)(args, *job) for job in jobs_to_do(args, runs)
        ):
            runs[key] = arms
            report.write(runs, summary=summarize(runs))
            means = {
                arm: round(float(np.mean([record["macro_f1"] for record in records])), 4)
                for arm, records in arms.items()
            }
            print(f"{key}: {list(means.values())}, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
