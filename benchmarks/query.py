"""What one query costs, in seconds and in memory, side by side with scikit-activeml.

Each competitor runs in a process of its own for each size, so that peak memory is its own. The
steps:

- ``scan``: one query of 50 by entropy sampling, ours and scikit-activeml's, and by
  scikit-activeml's core set on the pixels. The classifier is the LeNet of ASAL, table 5, as a
  skorch net; a scan costs the same however well it is trained, so it has seen 1,000 images.
- ``asal``: one query of 50 by ASAL with that classifier and the generator of table 5, trained
  for 1,500 updates only, and the share of the time that the matching takes: with the index
  that ASAL chooses, and with the graph of voyager.
- ``growth``: queries of 50 by ASAL of a pool and of one of 10^5 in turn, in one process.
- ``linear``: one query of 50 by entropy sampling with logistic regression on 50 features.
- ``neighbours``: building the indexes, 50 queries, and how often the nearest was found.
- ``coreset``: 500 of 60,000 x 50 by core set.
- ``badge``: 50 of 20,000 x 768 with 100 classes by BADGE, without a rival: scikit-activeml's
  needs 25 GB.

A machine that does other things too tells more by processor seconds than by the clock.

Pools are MNIST's 60,000 training images, repeated and shifted, or their 50 principal
components, repeated with a little noise: see ``query_cases.py``. They are memory-mapped.

    python benchmarks/query.py --steps linear neighbours --sizes 10000 100000 1000000

What is measured is on disk as soon as it is there: seconds in the ``--cache`` folder, beside
those of earlier runs, so that steps and sizes can be run one by one; ratios in ``--output``.
"""

import argparse
import json
import os
import shlex
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import gettempdir

import query_cases as cases

INDEXES = ("brute", "kd_tree", "hnsw", "auto")
STEPS = {
    "scan": {
        "ours": cases.scan_ours,
        "skactiveml": cases.scan_skactiveml,
        "skactiveml core set": cases.scan_skactiveml_core_set,
    },
    "asal": {index: partial(cases.asal, index=index) for index in ("auto", "hnsw")},
    "growth": {index: partial(cases.growth, index=index) for index in ("auto", "hnsw")},
    "linear": {"ours": cases.linear_ours, "skactiveml": cases.linear_skactiveml},
    "neighbours": {index: partial(cases.neighbours, index=index) for index in INDEXES},
    "coreset": {"ours": cases.core_set_ours, "skactiveml": cases.core_set_skactiveml},
    "badge": {"ours": cases.badge},
}
# What must be on disk before a step, and what makes it.
ASAL_NEEDS = {
    "images_{n}.npy": cases.make_images,
    "classifier.joblib": cases.make_classifier,
    "generator.joblib": cases.make_generator,
}
NEEDS = {
    "scan": {"images_{n}.npy": cases.make_images, "classifier.joblib": cases.make_classifier},
    "asal": ASAL_NEEDS,
    "growth": ASAL_NEEDS,
    "linear": {"features_{n}.npy": cases.make_features},
    "neighbours": {"features_{n}.npy": cases.make_features},
    "coreset": {"features_{n}.npy": cases.make_features},
    "badge": {},
}
# What a competitor needs beside that: a strategy, fitted before its queries are measured.
FITTED = {index: partial(cases.make_asal, index=index) for index in STEPS["asal"]}
ONE_SIZE = {"coreset": 60_000, "badge": 20_000}
# A LeNet takes minutes for a million images.
ONCE_FROM = {"scan": 1_000_000}


def measure(step, name, n, options):
    """Run a case in a process of its own; a process that is killed has measured nothing."""
    repeats = 1 if n >= ONCE_FROM.get(step, n + 1) else options.repeats
    try:
        return run_apart(STEPS[step][name], options.cache, n, repeats)
    except (BrokenProcessPool, MemoryError) as error:
        return {"failed": type(error).__name__}


def run_apart(function, *arguments):
    """Call a function in a new process, and return what it returns."""
    # Spawned, not forked: the peak memory of a fork begins with that of its parent.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(function, *arguments).result()


def prepare(step, names, n, cache):
    """Put on disk what a step needs and isn't there, in other processes than the step's."""
    for size in {n, cases.GROWTH_FROM} if step == "growth" else {n}:
        needs = dict(NEEDS[step])
        if step in ("asal", "growth"):
            needs |= {f"asal_{name}_{{n}}.joblib": FITTED[name] for name in names}
        for name, make in needs.items():
            if not (cache / name.format(n=size)).exists():
                run_apart(make, cache, size)


def ratios(measured):
    """Compare what is measured so far, by step and size."""
    report = {}
    for step, sizes in measured.items():
        report[step] = {n: _COMPARISONS[step](of_size, n, measured) for n, of_size in sizes.items()}
    return report


def compare_with_rivals(of_size, n, measured):
    """Seconds and peak memory of the others, ours being 1."""
    ours = of_size.get("ours")
    if ours is None or "failed" in ours:
        return of_size
    rivals = {
        name: other
        if "failed" in other
        else {
            "seconds / ours": other["seconds"] / ours["seconds"],
            "processor seconds / ours": other["processor"] / ours["processor"],
            "peak memory / ours": other["peak_mb"] / ours["peak_mb"],
        }
        for name, other in of_size.items()
        if name != "ours"
    }
    return {"peak MB": ours["peak_mb"], "of which the query added": ours["added_mb"], **rivals}


def compare_asal(of_size, n, measured):
    """ASAL's parts, and a scan of the same pool against it."""
    return {name: _compare_asal(name, ours, n, measured) for name, ours in of_size.items()}


def _compare_asal(name, ours, n, measured):
    if "failed" in ours:
        return ours
    row = {
        "matching / query": ours["matching_seconds"] / ours["seconds"],
        "fit / query": ours["fit_seconds"] / ours["seconds"],
        "index": ours["index"],
        "peak MB": ours["peak_mb"],
        "of which the query added": ours["added_mb"],
    }
    for rival, scan in measured.get("scan", {}).get(n, {}).items():
        if "processor" in scan:
            row[f"processor seconds, {rival} / ASAL"] = scan["processor"] / ours["processor"]
    return row


def compare_growth(of_size, n, measured):
    """What a query costs, that of 10^5 being 1; they were made in turn."""
    return {
        name: {key: value for key, value in grown.items() if key != "seconds"}
        for name, grown in of_size.items()
    }


def compare_indexes(of_size, n, measured):
    """Recall, and seconds of building and of 50 queries, brute force's queries being 1."""
    brute = of_size.get("brute", {}).get("seconds")
    return {
        name: index
        if "failed" in index or brute is None
        else {
            "recall at 1": index["recall"],
            "50 queries / brute force": index["seconds"] / brute,
            "building / 50 queries by brute force": index["build_seconds"] / brute,
            **({"is": index["index"]} if name == "auto" else {}),
        }
        for name, index in of_size.items()
    }


_COMPARISONS = {
    "scan": compare_with_rivals,
    "asal": compare_asal,
    "growth": compare_growth,
    "linear": compare_with_rivals,
    "neighbours": compare_indexes,
    "coreset": compare_with_rivals,
    "badge": compare_with_rivals,
}


def write(measured, options):
    """Put seconds into the cache and ratios into the report."""
    (options.cache / "measured.json").write_text(json.dumps(measured, indent=2) + "\n")
    report = {"n_cpus": os.cpu_count(), "commands": measured["commands"]}
    report |= ratios({step: sizes for step, sizes in measured.items() if step in STEPS})
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--only", nargs="+", help="names of competitors; the others are left out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(gettempdir()) / "skgal_query")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/query.json"))
    return parser.parse_args()


def main():
    """Measure the steps asked for, writing each result as soon as it is there."""
    options = parse_arguments()
    options.cache.mkdir(parents=True, exist_ok=True)
    path = options.cache / "measured.json"
    measured = json.loads(path.read_text()) if path.exists() else {"commands": {}}
    for step in options.steps:
        measured["commands"][step] = shlex.join(["python", *sys.argv])
        for n in [ONE_SIZE[step]] if step in ONE_SIZE else options.sizes:
            names = [name for name in STEPS[step] if not options.only or name in options.only]
            prepare(step, names, n, options.cache)
            for name in names:
                result = measure(step, name, n, options)
                measured.setdefault(step, {}).setdefault(str(n), {})[name] = result
                write(measured, options)
                print(f"{step:10s} {n:>9,d} {name:20s} {_in_short(result)}", flush=True)


def _in_short(result):
    return "  ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in result.items()
    )


if __name__ == "__main__":
    main()
