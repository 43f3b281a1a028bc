"""What ``benchmarks/imbalance.py`` makes of its runs: means, ranks, what the gate is worth.

Also over several of its files, such as those of tables and of images:

    python benchmarks/imbalance_summary.py benchmarks/results/imbalance.json \\
        benchmarks/results/imbalance_features.json benchmarks/results/imbalance_images.json
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy import stats

MEASURES = ("macro_f1", "balanced_accuracy", "average_precision")
_CONFIDENCE = 0.95


def collect(runs):
    """Return {data set: {arm: {seed: records}}} of the runs, with the gate's arms by name."""
    table = {}
    for key, arms in runs.items():
        dataset, seed, method = key.split("/")
        for suffix, records in arms.items():
            by_arm = table.setdefault(dataset, {})
            by_arm.setdefault(method + suffix, {})[int(seed)] = records
    return table


def summarize(runs):
    """Return the summary of all runs so far."""
    table = collect(runs)
    return {
        "datasets": {name: _summarize_dataset(arms) for name, arms in table.items()},
        "mean_rank": {
            measure: {
                "without gates": _mean_ranks(table, measure, with_gates=False),
                "all": _mean_ranks(table, measure, with_gates=True),
            }
            for measure in MEASURES
        },
        "minus none": {name: _differences(arms) for name, arms in table.items()},
    }


def _per_seed(by_seed, key):
    """Return {seed: mean over the splits}."""
    return {
        seed: float(np.mean([record[key] for record in records]))
        for seed, records in by_seed.items()
    }


def _summarize_dataset(arms):
    summary = {}
    for arm, by_seed in arms.items():
        records = [record for seed in by_seed.values() for record in seed]
        row = {"n_seeds": len(by_seed)}
        for measure in MEASURES:
            values = list(_per_seed(by_seed, measure).values())
            row[measure] = {"mean": _rounded(np.mean(values)), "sd": _rounded(_sd(values))}
        ratios = [record["seconds"] / record["bare_seconds"] for record in records]
        row["seconds"] = _rounded(np.median([record["seconds"] for record in records]))
        row["seconds / bare"] = _rounded(np.median(ratios))
        row["peak_mib"] = _rounded(np.median([record["peak_mib"] for record in records]))
        row["failed"] = sum(record["has_failed"] for record in records)
        gates = [record["gate"]["is_open"] for record in records if "gate" in record]
        if gates:
            row["gate opened"] = f"{sum(gates)} of {len(gates)}"
        summary[arm] = row
    return summary


def _mean_ranks(table, measure, *, with_gates):
    """Return the mean rank of each arm over data sets, by its mean over the seeds of all arms.

    Where there are no categories SMOTENC is SMOTE. An arm that is missing for a data set isn't
    ranked.
    """
    filled = {
        name: arms
        if "SMOTENC" in arms or "SMOTE" not in arms
        else {**arms, "SMOTENC": arms["SMOTE"]}
        for name, arms in table.items()
    }
    shared = set.intersection(*[set(arms) for arms in filled.values()])
    ranked = sorted(arm for arm in shared if with_gates or not arm.endswith("+ gate"))
    ranks = []
    for arms in filled.values():
        seeds = set.intersection(*[set(arms[arm]) for arm in ranked])
        if not seeds:
            return {}
        means = [
            np.mean(
                [score for seed, score in _per_seed(arms[arm], measure).items() if seed in seeds]
            )
            for arm in ranked
        ]
        ranks.append(stats.rankdata(-np.round(means, 6)))
    mean_ranks = dict(zip(ranked, np.mean(ranks, axis=0).tolist(), strict=True))
    return {arm: _rounded(mean_ranks[arm]) for arm in sorted(mean_ranks, key=mean_ranks.get)}


def _differences(arms):
    """Return each arm's macro-F1 minus that of none, paired by seed, with its standard error.

    ``low`` and ``high`` bound the mean with 95 % confidence, by Student's distribution over the
    seeds; their splits share rows, so the interval is somewhat too narrow. An arm is
    ``worse`` if all of it is below zero.
    """
    if "none" not in arms:
        return {}
    none = _per_seed(arms["none"], "macro_f1")
    rows = {}
    for arm, by_seed in arms.items():
        scores = _per_seed(by_seed, "macro_f1")
        gains = [scores[seed] - none[seed] for seed in scores if seed in none]
        if arm == "none" or len(gains) < 2:
            continue
        error = _sd(gains) / np.sqrt(len(gains))
        half = stats.t.ppf((1 + _CONFIDENCE) / 2, len(gains) - 1) * error
        rows[arm] = {
            "mean": _rounded(np.mean(gains)),
            "se": _rounded(error),
            "low": _rounded(np.mean(gains) - half),
            "high": _rounded(np.mean(gains) + half),
            "worse": bool(np.mean(gains) + half < 0),
        }
    return rows


def _sd(values):
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _rounded(value):
    return round(float(value), 5)


if __name__ == "__main__":
    all_runs = {}
    for path in sys.argv[1:]:
        all_runs |= json.loads(Path(path).read_text())["runs"]
    print(json.dumps(summarize(all_runs), indent=1))
