"""What a comparison of strategies found: curves, and what they amount to."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.utils._optional_dependencies import check_pandas_support

from skgal.utils import as_random_state

PHASES = ("seconds_fit", "seconds_query", "seconds_oracle")


@dataclass(frozen=True)
class StrategyComparison:
    """Scores of strategies, for each data set, seed and number of labels.

    Parameters
    ----------
    records : list of dict
        One entry for each model that was fitted: ``dataset``, ``strategy``, ``seed``,
        ``n_labels``, ``n_bought``, ``score``, ``seconds_fit``, ``seconds_query``,
        ``seconds_oracle``.
    baseline : str
        The strategy that chooses at random.
    """

    records: list
    baseline: str = "random"

    @property
    def curves(self):
        """The records as a pandas DataFrame, one row for each model that was fitted."""
        pandas = check_pandas_support("StrategyComparison.curves")
        return pandas.DataFrame(self.records)

    def histories(self, dataset):
        """Histories by strategy, as :class:`~skgal.inspection.LabelEfficiencyDisplay` draws them.

        Parameters
        ----------
        dataset : str

        Returns
        -------
        dict of str to list of histories
            For each strategy one history for each seed.

        Raises
        ------
        ValueError
            If there is no such data set.
        """
        known = list(dict.fromkeys(row["dataset"] for row in self.records))
        if dataset not in known:
            raise ValueError(f"dataset must be one of {known}, got {dataset!r}.")
        found = {}
        for row in self.records:
            if row["dataset"] == dataset:
                found.setdefault(row["strategy"], {}).setdefault(row["seed"], []).append(row)
        return {strategy: list(by_seed.values()) for strategy, by_seed in found.items()}

    def summary(self, *, target=None, confidence_level=0.95, random_state=0):
        """Sum up each strategy on each data set.

        Parameters
        ----------
        target : float, default=None
            A score, to count the labels that it took to reach it; None counts none.
        confidence_level : float, default=0.95
            Of the intervals: bootstrap over seeds, bias-corrected and accelerated.
        random_state : int, RandomState instance or None, default=0
            Decides the bootstrap samples.

        Returns
        -------
        DataFrame of pandas
            One row for each strategy on each data set: ``dataset``, ``strategy``, ``n_seeds``;
            ``area``, the mean over seeds of the area under the score against the labels
            bought, divided by their range, so that it is a mean score, with its interval
            ``area_low`` and ``area_high``; ``gain``, by how much the area exceeds that of
            random sampling from the same starts, with ``gain_low`` and ``gain_high``;
            ``p_value`` of no gain or loss, a paired two-sided permutation test over the seeds, not
            corrected for the number of strategies (NaN for the baseline, and for one seed);
            ``final_score``; the mean ``seconds_fit``, ``seconds_query`` and ``seconds_oracle``
            of a run. With a target, ``labels_to_target``, the median over seeds of the labels
            bought when it was first reached, inf where it was not, and ``share_reached``.
        """
        pandas = check_pandas_support("StrategyComparison.summary")
        rng = as_random_state(random_state)
        rows = []
        for dataset in dict.fromkeys(row["dataset"] for row in self.records):
            histories = self.histories(dataset)
            chance = np.array([area(history) for history in histories[self.baseline]])
            for strategy, repetitions in histories.items():
                row = {"dataset": dataset, "strategy": strategy, "n_seeds": len(repetitions)}
                areas = np.array([area(history) for history in repetitions])
                row |= _estimate("area", areas, confidence_level, rng)
                row |= _estimate("gain", areas - chance, confidence_level, rng)
                row["p_value"] = (
                    np.nan if strategy == self.baseline else _p_value(areas - chance, rng)
                )
                row["final_score"] = np.mean([history[-1]["score"] for history in repetitions])
                for phase in PHASES:
                    totals = [sum(step[phase] for step in history) for history in repetitions]
                    row[phase] = np.mean(totals)
                if target is not None:
                    counts = [labels_to_target(history, target) for history in repetitions]
                    row["labels_to_target"] = np.median(counts)
                    row["share_reached"] = np.mean(np.isfinite(counts))
                rows.append(row)
        return pandas.DataFrame(rows)


def area(history):
    """Area under score against labels bought, divided by their range: a mean score.

    Parameters
    ----------
    history : list of dict
        With ``n_bought``, ascending, and ``score``.

    Returns
    -------
    float

    Examples
    --------
    >>> from skgal.active._comparison import area
    >>> area([{"n_bought": 0, "score": 0.5}, {"n_bought": 30, "score": 0.9}])
    0.7
    """
    bought = [step["n_bought"] for step in history]
    scores = [step["score"] for step in history]
    spread = bought[-1] - bought[0]
    return float(np.trapezoid(scores, bought) / spread) if spread else float(scores[-1])


def labels_to_target(history, target):
    """Labels bought when a score was first reached.

    Parameters
    ----------
    history : list of dict
    target : float

    Returns
    -------
    float
        inf where it was not.
    """
    return next((float(step["n_bought"]) for step in history if step["score"] >= target), np.inf)


def _estimate(name, values, confidence_level, rng):
    """Mean and its bootstrap interval; NaN bounds for a single value."""
    low = high = np.nan
    if len(values) > 1:
        # Without spread there is nothing to resample; the corrections would divide by zero.
        low = high = values.mean()
        if np.ptp(values) > 0:
            interval = stats.bootstrap(
                (values,), np.mean, confidence_level=confidence_level, random_state=rng
            ).confidence_interval
            low, high = interval
    return {name: values.mean(), f"{name}_low": low, f"{name}_high": high}


def _p_value(gains, rng):
    if len(gains) < 2:
        return np.nan
    test = stats.permutation_test(
        (gains,), np.mean, permutation_type="samples", vectorized=False, random_state=rng
    )
    return test.pvalue
