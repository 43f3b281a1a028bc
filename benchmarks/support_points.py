"""Time support_points against the textbook loop in NumPy, side by side in one run.

The textbook algorithm is the convex-concave procedure of Mak and Joseph (2018): for each
iteration, for each point, vectorised over the candidates. Both start from the same points.

- per iteration: median over ``--repeats`` runs of a few iterations, both in turn, in wall-clock
  and in processor time (of all threads: what a machine that does other things too can measure);
- in total: both run to the same tolerance with the same number of iterations at most, and the
  energy distance of what they return is compared.

Run it from the repository's root:

    python benchmarks/support_points.py --output benchmarks/results/support_points.json
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgal.design import energy_distance, support_points


def textbook(candidates, weights, points, max_iter, tol):
    """Return the design and the number of iterations of the procedure as the paper states it."""
    n_points = len(points)
    for n_iter in range(max_iter):
        new = np.empty_like(points)
        certain = 0.0
        for i, x in enumerate(points):
            difference = x - candidates
            # Without the 1e-12 a point that settles on a candidate divides by zero.
            pull = weights / np.sqrt(np.einsum("ij,ij->i", difference, difference) + 1e-12)
            apart = x - points
            distance = np.sqrt(np.einsum("ij,ij->i", apart, apart))
            distance[i] = 1.0  # to itself: no push, and no division by zero
            push = (apart / distance[:, None]).sum(axis=0) / n_points
            curvature = pull.sum()
            new[i] = (pull @ candidates + push) / curvature
            certain += curvature * ((new[i] - x) ** 2).sum() / 2
        if certain <= tol:
            return points, n_iter
        points = new
    return points, max_iter


def problem(n_points, n_candidates, n_features, seed):
    """Candidates in a box, weighted by a bump in the first two features, and starting points."""
    rng = np.random.default_rng(seed)
    candidates = rng.uniform(-1, 1, (n_candidates, n_features))
    bump = np.exp(-4 * ((candidates[:, :2] - 0.3) ** 2).sum(axis=1))
    weights = bump * rng.gamma(2.0, size=n_candidates)
    weights /= weights.sum()
    drawn = candidates[rng.choice(n_candidates, size=n_points, p=weights)]
    return candidates, weights, drawn + 0.01 * rng.standard_normal(drawn.shape)


def spread(candidates, weights):
    return np.sqrt(weights @ ((candidates - weights @ candidates) ** 2).sum(axis=1))


def run_textbook(candidates, weights, start, max_iter, tol):
    tol = tol * spread(candidates, weights)
    return timed(textbook, candidates, weights, start, max_iter, tol)


def run_ours(candidates, weights, start, max_iter, tol, n_jobs):
    seconds, (points, history) = timed(
        support_points,
        len(start),
        candidates,
        weights=weights,
        init=start,
        max_iter=max_iter,
        tol=tol,
        n_jobs=n_jobs,
        return_history=True,
    )
    return seconds, (points, len(history) - 1)


def timed(function, *args, **kwargs):
    """Return [wall-clock seconds, processor seconds] and the function's result."""
    wall, processor = time.perf_counter(), time.process_time()
    result = function(*args, **kwargs)
    return np.array([time.perf_counter() - wall, time.process_time() - processor]), result


def seconds_per_iteration(case, repeats, n_iter, n_jobs):
    """Median seconds per iteration of the textbook and of ours for each number of threads."""
    seconds = {"textbook": [], **{n: [] for n in n_jobs}}
    for _ in range(repeats):
        seconds["textbook"].append(run_textbook(*case, n_iter, 0.0)[0] / n_iter)
        for n in n_jobs:
            seconds[n].append(run_ours(*case, n_iter, 0.0, n)[0] / n_iter)
    return {name: np.median(values, axis=0) for name, values in seconds.items()}


def compare(n_features, seed, options):
    candidates, weights, start = case = problem(
        options.n_points, options.n_candidates, n_features, seed
    )
    iteration = seconds_per_iteration(case, options.repeats, options.timed_iter, options.n_jobs)
    slow, (slow_points, slow_iter) = run_textbook(*case, options.max_iter, options.tol)

    def distance(points):
        return energy_distance(points, candidates, y_weights=weights)

    result = {
        "n_features": n_features,
        "seed": seed,
        "energy_distance_start": distance(start),
        "energy_distance_textbook": distance(slow_points),
        "textbook_iterations": slow_iter,
        "textbook_seconds": slow[0],
        "textbook_seconds_per_iteration": iteration["textbook"][0],
        "ours": [],
    }
    for n_jobs in options.n_jobs:
        fast, (points, n_iter) = run_ours(*case, options.max_iter, options.tol, n_jobs)
        result["ours"].append(
            {
                "n_jobs": n_jobs,
                "energy_distance": distance(points),
                "iterations": n_iter,
                "seconds": fast[0],
                "seconds_per_iteration": iteration[n_jobs][0],
                **speedups("per_iteration", iteration["textbook"] / iteration[n_jobs]),
                **speedups("total", slow / fast),
            }
        )
    return result


def speedups(name, ratios):
    return {f"speedup_{name}": ratios[0], f"speedup_{name}_processor": ratios[1]}


def summarise(results):
    """Median over the seeds for each number of features and of threads."""
    summary = []
    for n_features in dict.fromkeys(r["n_features"] for r in results):
        group = [r for r in results if r["n_features"] == n_features]
        for ours in zip(*(r["ours"] for r in group), strict=True):
            names = [name for name in ours[0] if name.startswith("speedup")]
            distances = [
                o["energy_distance"] / r["energy_distance_textbook"]
                for o, r in zip(ours, group, strict=True)
            ]
            summary.append(
                {
                    "n_features": n_features,
                    "n_jobs": ours[0]["n_jobs"],
                    **{name: statistics.median(o[name] for o in ours) for name in names},
                    "energy_distance_ratio": statistics.median(distances),
                    "worst_energy_distance_ratio": max(distances),
                }
            )
    return summary


def print_table(summary):
    print("Textbook / ours, medians over the seeds; processor time in brackets.")
    print("  r  threads  seconds per iteration  seconds in total   energy distance ours / textbook")
    for row in summary:
        n_features, threads, step, step_cpu, total, total_cpu, distance, worst = row.values()
        print(
            f"{n_features:3d}  {threads:7d}  {step:10.1f} ({step_cpu:8.1f})"
            f"  {total:7.1f} ({total_cpu:6.1f})  {distance:18.3f} (worst {worst:.3f})"
        )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-points", type=int, default=400)
    parser.add_argument("--n-candidates", type=int, default=10_000)
    parser.add_argument("--n-features", type=int, nargs="+", default=[2, 20])
    parser.add_argument("--n-jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--repeats", type=int, default=5, help="runs timed per iteration")
    parser.add_argument("--timed-iter", type=int, default=10, help="iterations in each of them")
    parser.add_argument("--max-iter", type=int, default=100, help="budget of both in total")
    parser.add_argument("--tol", type=float, default=1e-5, help="tolerance of both in total")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    return parser.parse_args()


def main():
    options = parse_arguments()
    # The budgets are meant to be used up.
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = [compare(r, seed, options) for r in options.n_features for seed in options.seeds]
    summary = summarise(results)
    print_table(summary)
    if options.output is not None:
        report = {
            "command": shlex.join(["python", *sys.argv]),
            "options": {k: v for k, v in vars(options).items() if k != "output"},
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
            },
            "machine": {"processor": platform.machine(), "n_cpus": os.cpu_count()},
            "summary": summary,
            "runs": results,
        }
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
