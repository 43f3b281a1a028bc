"""Strategies compared with each other and with random sampling, from the same starts."""

from dataclasses import dataclass
from inspect import isfunction
from itertools import product
from numbers import Integral
from typing import NamedTuple

import joblib
import numpy as np
from joblib.func_inspect import get_func_code
from scipy import stats
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils.parallel import delayed

from skgal.active._learner import (
    ActiveLearner,
    as_measures,
    as_memory,
    check_samples,
    check_strategy_parameters,
)
from skgal.active._oracles import ORACLE_FORMS
from skgal.active._session import count_initial
from skgal.query import RandomSampling
from skgal.utils import (
    HasMethods,
    Interval,
    as_random_state,
    check_pandas_support,
    parallel_in_order,
    seeded_nets,
    subtask,
    take_rows,
    validate_parameter_constraints,
    validated_fit,
)

BASELINE = "random"

_CONSTRAINTS = {
    "estimator": [dict, HasMethods(["fit"])],
    "strategies": [dict],
    "datasets": [dict, tuple, list],
    "seeds": [Interval(Integral, 1, None, closed="left"), "array-like"],
    "oracles": [dict, *ORACLE_FORMS, None],
}

COLUMNS = ("n_labels", "n_bought", "seconds_fit", "seconds_query", "seconds_oracle")

PHASES = ("seconds_fit", "seconds_query", "seconds_oracle")


class Run(NamedTuple):
    """One strategy and one estimator on one data set from one seed."""

    dataset: str
    estimator: str
    strategy: str
    seed: int


def compare_strategies(
    estimator,
    strategies,
    datasets,
    *,
    seeds=5,
    n_initial=None,
    batch_size=10,
    budget=None,
    test_size=0.25,
    scoring=None,
    oracles=None,
    n_jobs=None,
    memory=None,
    callbacks=None,
):
    """Compare query strategies, and estimators, by simulated labelling.

    Every strategy labels every data set once for each seed and estimator. The seed decides how the
    data are split and which labels are known at the start, so that strategies start alike and
    their scores can be compared in pairs. Random sampling is always among them: without a
    :class:`~skgal.query.RandomSampling` among the strategies one is added, named ``"random"``.

    Parameters
    ----------
    estimator : classifier, regressor, Pipeline or skorch net, or dict of str to such
        The model, or several to compare.
    strategies : dict of str to strategy
        The strategies to compare, by name.
    datasets : tuple, or dict of str to tuple
        ``(X, y)``, which is split, or ``(X, y, X_test, y_test)``; y complete. One of these, which
        is named ``"data"``, or several.
    seeds : int or list of int, default=5
        How many repetitions, of seeds 0, 1, ...; or their seeds, none twice.
    n_initial : int, default=None
        Labels known at the start; None is two for each class, but no fewer than 10.
    batch_size : int, default=10
        Labels asked for in each round.
    budget : int, default=None
        Labels to ask for beyond the initial ones; None: ten batches.
    test_size : float or int, default=0.25
        Share or number of samples to score on; a classifier's are stratified.
    scoring : str, list, dict or callable, default=None
        The score on the test samples, as scikit-learn names it; None: the estimator's own. Several
        scores, by a list or dict of them or a callable that returns a dict (such as
        :class:`skgal.generators.GenerationScorer`), become a column each.
    oracles : callable, or dict of str to callable, default=None
        For each data set who labels designed samples; needed by strategies that synthesise.
        Then all strategies ask it. A single one is for all data sets.
    n_jobs : int, default=None
        How many runs at once, by joblib.
    memory : None, str, path or joblib.Memory, default=None
        A folder that keeps the results of runs, and what strategies fit (see
        :class:`ActiveLearner`). Killed and called again, only what is missing is run; so
        strategies, estimators, data sets and seeds can be added later, and a run with other data,
        parameters or settings is another run. An oracle is known by its type only. None keeps
        nothing.
    callbacks : callback or list of callback, default=None
        Callbacks of scikit-learn, such as :class:`sklearn.callback.ProgressBar`: each run is a
        task that they see.

    Returns
    -------
    StrategyComparison
        The scores of all runs.

    Raises
    ------
    ValueError
        If there is nothing to compare, a seed comes twice, "random" names something else than
        random sampling, a strategy synthesises and there is no oracle, or ``scoring`` gives a
        measure the name of a column that records have, such as "seed".
    TypeError, ValueError
        If a strategy can't work with an estimator on a data set, before anything is run.
    PicklingError
        If ``memory`` is given, and something that decides the results can't be pickled; functions,
        lambdas among them, can.

    See Also
    --------
    ActiveLearner : What is run.
    skgal.inspection.LabelEfficiencyDisplay : Draws the result.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import compare_strategies
    >>> from skgal.query import UncertaintySampling
    >>> comparison = compare_strategies(
    ...     GaussianNB(),
    ...     {"margin": UncertaintySampling("margin_of_confidence")},
    ...     load_iris(return_X_y=True),
    ...     seeds=2,
    ...     budget=20,
    ... )
    >>> comparison.curves.groupby("strategy").size().to_dict()
    {'margin': 6, 'random': 6}
    >>> comparison
    StrategyComparison of 2 strategies on 1 data set with 2 seeds: 12 records
    """
    given = {"estimator": estimator, "strategies": strategies, "datasets": datasets}
    given |= {"seeds": seeds, "oracles": oracles}
    validate_parameter_constraints(_CONSTRAINTS, given, "compare_strategies")
    estimators = estimator if isinstance(estimator, dict) else {_name(estimator): estimator}
    datasets = datasets if isinstance(datasets, dict) else {"data": datasets}
    strategies, baseline = _with_baseline(strategies)
    if oracles is not None and not isinstance(oracles, dict):
        oracles = dict.fromkeys(datasets, oracles)
    oracles = oracles or {}
    seeds = [int(seed) for seed in (range(seeds) if isinstance(seeds, Integral) else seeds)]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ from each other, or a run counts twice; got {seeds}.")
    if not (estimators and datasets and seeds):
        raise ValueError("There must be an estimator, a data set and a seed to compare with.")
    _check_datasets(datasets, strategies, oracles)
    settings = {
        "n_initial": n_initial,
        "batch_size": batch_size,
        "budget": budget,
        "test_size": test_size,
        "scoring": scoring,
    }
    memory = as_memory(memory)
    simulate = memory.cache(_simulate, ignore=["data", "estimator", "strategy", "oracle", "more"])
    check = memory.cache(_check_strategies, ignore=["data", "estimator", "strategies", "more"])
    keys = _Keys(estimators, strategies, datasets, oracles, settings)
    for dataset, name in product(datasets, estimators):
        key = keys.of(Run(dataset, name, "", seeds[0]), *strategies)
        more = {"oracle": oracles.get(dataset), **settings}
        check(key, seeds[0], datasets[dataset], estimators[name], strategies, more)
    runs = [Run(*names) for names in product(datasets, estimators, strategies, seeds)]
    tasks = (
        delayed(simulate)(
            keys.of(run, run.strategy),
            run.seed,
            datasets[run.dataset],
            estimators[run.estimator],
            strategies[run.strategy],
            oracles.get(run.dataset),
            {"memory": memory, **settings},
        )
        for run in runs
    )
    results = parallel_in_order(n_jobs)(tasks)
    progress = ComparedRuns().set_callbacks(*_listed(callbacks))
    histories = progress.fit(results, n_runs=len(runs)).histories_
    records = [
        {**run._asdict(), **row}
        for run, history in zip(runs, histories, strict=True)
        for row in history
    ]
    return StrategyComparison(records, baseline)


class ComparedRuns(CallbackSupportMixin, BaseEstimator):
    """Takes the histories of runs as they are done, so that callbacks see each."""

    _parameter_constraints = {}

    @validated_fit(prefer_skip_nested_validation=False)
    def fit(self, results, *, n_runs):
        """Collect the histories."""
        context = self._init_callback_context("compare_strategies", max_subtasks=n_runs)
        context.call_on_fit_task_begin(estimator=self)
        self.histories_ = []
        for history in results:
            with subtask(context, "run", self):
                self.histories_.append(history)
        context.call_on_fit_task_end(estimator=self)
        return self


def _listed(callbacks):
    if callbacks is None:
        return []
    return callbacks if isinstance(callbacks, list | tuple) else [callbacks]


def _simulate(key, seed, data, estimator, strategy, oracle, more):
    """Let one strategy label one data set; its history, scores included. ``key`` is for a cache."""
    more = dict(more)
    scoring, test_size = more.pop("scoring"), more.pop("test_size")
    X, y, X_test, y_test = _split_data(data, test_size, estimator, seed)
    scores = _Scores(X_test, y_test, scoring)
    learner = _make_learner(y, estimator, strategy, oracle, seed, stopping=scores, **more)
    rows = zip(learner.fit(X, y).history_, scores.values, strict=True)
    return [{**{name: row[name] for name in COLUMNS}, **values} for row, values in rows]


def _check_strategies(key, seed, data, estimator, strategies, more):
    """Refuse a strategy that can't work with an estimator on a data set, before any is run."""
    X, y, _, _ = _split_data(data, more["test_size"], estimator, seed)
    learner = _make_learner(
        y, estimator, RandomSampling(), None, seed, n_initial=more["n_initial"], budget=0
    ).fit(X, y)
    some = take_rows(learner.labelled_.X, [0, 0])
    for name, strategy in strategies.items():
        try:
            check_strategy_parameters(strategy)
            would_be = learner.set_params(strategy=strategy)
            would_be._validate_params()
            check_samples(X, estimator, accept_sparse=would_be._takes_sparse)
            if hasattr(strategy, "check_model"):
                with seeded_nets(learner.estimator_):
                    strategy.check_model(learner.estimator_, some)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"Strategy {name!r} can't be compared with {_name(estimator)}: {error} Nothing "
                "was run; leave it out, or compare with an estimator that suits it."
            ) from error


def _split_data(data, test_size, estimator, seed):
    if len(data) == 4:
        X, y, X_test, y_test = data
        return X, y, X_test, y_test
    stratify = data[1] if is_classifier(estimator) else None
    X, X_test, y, y_test = train_test_split(
        *data, test_size=test_size, stratify=stratify, random_state=seed
    )
    return X, y, X_test, y_test


def _make_learner(y, estimator, strategy, oracle, seed, *, n_initial, **parameters):
    # Given explicitly: by default a strategy that designs samples starts from all labels.
    shown = count_initial(n_initial, y, np.unique(y) if is_classifier(estimator) else None)
    return ActiveLearner(
        clone(estimator), strategy, oracle=oracle, n_initial=shown, random_state=seed, **parameters
    )


class _Scores:
    """Scores each model of a learner; asked when to stop, it never says so."""

    def __init__(self, X, y, scoring):
        self.X = X
        self.y = y
        self.scoring = scoring
        self.values = []

    def check(self, learner):
        if len(self.values) < len(learner.history_):
            scores = check_scoring(learner, scoring=self.scoring)(learner, self.X, self.y)
            scores = scores if isinstance(scores, dict) else {"score": scores}
            self.values.append(as_measures(scores, taken=(*Run._fields, *COLUMNS)))


def _with_baseline(strategies):
    """Strategies, random sampling among them, and what it is called."""
    names = [name for name, each in strategies.items() if isinstance(each, RandomSampling)]
    if names:
        return strategies, names[0]
    if BASELINE in strategies:
        raise ValueError(
            f"{BASELINE!r} is the name of the baseline, but here it names a "
            f"{type(strategies[BASELINE]).__name__}; rename that."
        )
    return {BASELINE: RandomSampling(), **strategies}, BASELINE


def _check_datasets(datasets, strategies, oracles):
    for name, data in datasets.items():
        if not isinstance(data, tuple | list) or len(data) not in (2, 4):
            kind = type(data).__name__
            raise ValueError(
                "A data set is a tuple (X, y) or (X, y, X_test, y_test), for a Bunch (bunch.data, "
                f"bunch.target); {name!r} is a {kind} of {len(data)}."
            )
    designing = [name for name, each in strategies.items() if hasattr(each, "synthesize")]
    without = sorted(set(datasets) - set(oracles))
    if designing and without:
        raise ValueError(
            f"{designing} design samples, which need an oracle for each data set; "
            f"oracles has none for {without}."
        )


class _Keys:
    """Hashes of what the result of a run follows from: its key in the cache."""

    def __init__(self, estimators, strategies, datasets, oracles, settings):
        self._settings = joblib.hash(_signature(settings))
        self._estimators = {k: joblib.hash(_signature(each)) for k, each in estimators.items()}
        self._strategies = {k: joblib.hash(_signature(each)) for k, each in strategies.items()}
        kinds = {name: type(oracle).__qualname__ for name, oracle in oracles.items()}
        self._data = {k: joblib.hash([each, kinds.get(k)]) for k, each in datasets.items()}

    def of(self, run, *strategies):
        """Return the key of a run with some strategies."""
        parts = [self._settings, self._data[run.dataset], self._estimators[run.estimator]]
        return joblib.hash([*parts, *(self._strategies[name] for name in strategies), run.seed])


def _signature(value):
    """What an estimator is, without the version that scikit-learn writes into its pickles."""
    if isinstance(value, dict):
        return {name: _signature(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_signature(each) for each in value]
    if hasattr(value, "get_params") and not isinstance(value, type):
        return [type(value).__qualname__, _signature(value.get_params(deep=False))]
    if isfunction(value):  # known by its source, since lambdas can't be pickled at all
        return [value.__qualname__, get_func_code(value)[0]]
    return value


def _name(estimator):
    return type(estimator).__name__


@dataclass(frozen=True, repr=False)
class StrategyComparison:
    """Scores of strategies, for each data set, estimator, seed and number of labels.

    Learning curves, and the areas below them compared with random choice, are computed from
    these records.

    Parameters
    ----------
    records : list of dict
        One entry for each model that was fitted: ``dataset``, ``estimator``, ``strategy``,
        ``seed``, ``n_labels``, ``n_bought``, ``score`` (or the names of several scores),
        ``seconds_fit``, ``seconds_query``, ``seconds_oracle``.
    baseline : str
        The strategy that chooses at random.

    See Also
    --------
    compare_strategies : Returns one.
    skgal.inspection.LabelEfficiencyDisplay : Draws it.

    Examples
    --------
    >>> from skgal.active import StrategyComparison
    >>> records = [
    ...     {
    ...         "dataset": "iris",
    ...         "estimator": "bayes",
    ...         "strategy": strategy,
    ...         "seed": seed,
    ...         "n_labels": 10 + n_bought,
    ...         "n_bought": n_bought,
    ...         "score": 0.7 + slope * n_bought,
    ...         "seconds_fit": 0.0,
    ...         "seconds_query": 0.0,
    ...         "seconds_oracle": 0.0,
    ...     }
    ...     for strategy, slope in [("random", 0.005), ("margin", 0.01)]
    ...     for seed in (0, 1)
    ...     for n_bought in (0, 10, 20)
    ... ]
    >>> comparison = StrategyComparison(records)
    >>> comparison
    StrategyComparison of 2 strategies on 1 data set with 2 seeds: 12 records
    >>> comparison.summary()["strategy"].tolist()
    ['random', 'margin']
    """

    records: list
    baseline: str = "random"

    def __repr__(self):
        counts = {
            "strategies": "strategy",
            "estimators": "estimator",
            "data sets": "dataset",
            "seeds": "seed",
        }
        numbers = {
            names: len({row.get(column) for row in self.records})
            for names, column in counts.items()
        }
        parts = {
            names: f"{n} {names if n != 1 else names.removesuffix('s').replace('ie', 'y')}"
            for names, n in numbers.items()
        }
        models = f" and {parts['estimators']}" if numbers["estimators"] > 1 else ""
        return (
            f"{type(self).__name__} of {parts['strategies']}{models} on {parts['data sets']} with "
            f"{parts['seeds']}: {len(self.records)} records"
        )

    def _repr_html_(self):
        pandas = check_pandas_support("StrategyComparison._repr_html_")
        rows = [
            {
                **cell,
                "n_seeds": len(repetitions),
                f"mean {measure}": np.mean([area(each, measure) for each in repetitions]),
                f"final {measure}": np.mean([each[-1][measure] for each in repetitions]),
            }
            for measure in self.measures[:1]
            for cell, repetitions in self._groups()
        ]
        table = pandas.DataFrame(rows).to_html(index=False, float_format="{:.4g}".format)
        return f"<p>{self!r}</p>{table}"

    @property
    def curves(self):
        """The records as a pandas DataFrame, one row for each model that was fitted."""
        pandas = check_pandas_support("StrategyComparison.curves")
        return pandas.DataFrame(self.records)

    @property
    def measures(self):
        """Names of the scores: list of str."""
        taken = {*Run._fields, *COLUMNS}
        return [name for name in self.records[0] if name not in taken] if self.records else []

    def histories(self, dataset):
        """Sort histories by strategy, for :class:`~skgal.inspection.LabelEfficiencyDisplay`.

        Parameters
        ----------
        dataset : str
            The name of a data set.

        Returns
        -------
        dict of str to list of histories
            For each strategy one history for each seed; of several estimators, for each
            ``"estimator, strategy"``.

        Raises
        ------
        ValueError
            If there is no such data set.
        """
        known = list(dict.fromkeys(row["dataset"] for row in self.records))
        if dataset not in known:
            raise ValueError(f"dataset must be one of {known}, got {dataset!r}.")
        groups = [(cell, found) for cell, found in self._groups() if cell["dataset"] == dataset]
        is_single = len({cell.get("estimator") for cell, _ in groups}) == 1
        return {
            cell["strategy"] if is_single else f"{cell['estimator']}, {cell['strategy']}": found
            for cell, found in groups
        }

    def _groups(self):
        """Histories of all seeds, for each data set, estimator and strategy."""
        found = {}
        for row in self.records:
            names = [name for name in Run._fields[:-1] if name in row]
            cell = tuple((name, row[name]) for name in names)
            found.setdefault(cell, {}).setdefault(row["seed"], []).append(row)
        return [(dict(cell), list(by_seed.values())) for cell, by_seed in found.items()]

    def summary(self, *, measure=None, target=None, confidence_level=0.95, random_state=0):
        """Sum up each strategy on each data set.

        Parameters
        ----------
        measure : str, default=None
            Which of several scores; None: the first.
        target : float, default=None
            A score, to count the labels that it took to reach it; None counts none.
        confidence_level : float, default=0.95
            Of the intervals: bootstrap over seeds, bias-corrected and accelerated.
        random_state : int, RandomState instance or None, default=0
            Decides the bootstrap samples.

        Returns
        -------
        DataFrame of pandas
            One row for each strategy and estimator on each data set: ``dataset``, ``estimator``,
            ``strategy``, ``n_seeds``;
            ``area``, the mean over seeds of the area under the score against the labels beyond
            the initial ones, divided by their range, so that it is a mean score, with its interval
            ``area_low`` and ``area_high``; ``gain``, by how much the area exceeds that of
            random sampling from the same starts, with ``gain_low`` and ``gain_high``;
            ``p_value`` of no gain or loss, a paired two-sided permutation test over the seeds, not
            corrected for the number of strategies (NaN for the baseline, and for one seed);
            ``final_score``; the mean ``seconds_fit``, ``seconds_query`` and ``seconds_oracle``
            of a run. With a target, ``labels_to_target``, the median over seeds of ``n_bought``
            when it was first reached, inf where it was not, and ``share_reached``.

        Raises
        ------
        ValueError
            If there is no such score.
        """
        pandas = check_pandas_support("StrategyComparison.summary")
        measure = self.measures[0] if measure is None else measure
        if measure not in self.measures:
            raise ValueError(f"measure must be one of {self.measures}, got {measure!r}.")
        rng, rows, groups = as_random_state(random_state), [], self._groups()
        chance = {
            _setting(cell): np.array([area(history, measure) for history in repetitions])
            for cell, repetitions in groups
            if cell["strategy"] == self.baseline
        }
        for cell, repetitions in groups:
            row = {**cell, "n_seeds": len(repetitions)}
            areas = np.array([area(history, measure) for history in repetitions])
            gains = areas - chance[_setting(cell)]
            row |= _estimate("area", areas, confidence_level, rng)
            row |= _estimate("gain", gains, confidence_level, rng)
            is_baseline = cell["strategy"] == self.baseline
            row["p_value"] = np.nan if is_baseline else _p_value(gains, rng)
            row["final_score"] = np.mean([history[-1][measure] for history in repetitions])
            for phase in PHASES:
                totals = [sum(step[phase] for step in history) for history in repetitions]
                row[phase] = np.mean(totals)
            if target is not None:
                counts = [labels_to_target(each, target, measure) for each in repetitions]
                row["labels_to_target"] = np.median(counts)
                row["share_reached"] = np.mean(np.isfinite(counts))
            rows.append(row)
        return pandas.DataFrame(rows)


def _setting(cell):
    """Data set and estimator: what a strategy has in common with its baseline."""
    return cell["dataset"], cell.get("estimator")


def area(history, measure="score"):
    """Area under score against further labels, divided by their range: a mean score.

    Examples
    --------
    >>> from skgal.active._compare import area
    >>> area([{"n_bought": 0, "score": 0.5}, {"n_bought": 30, "score": 0.9}])
    0.7
    """
    bought = [step["n_bought"] for step in history]
    scores = [step[measure] for step in history]
    spread = bought[-1] - bought[0]
    return float(np.trapezoid(scores, bought) / spread) if spread else float(scores[-1])


def labels_to_target(history, target, measure="score"):
    """Labels beyond the initial ones when a score was first reached; inf where it was not."""
    return next((float(row["n_bought"]) for row in history if row[measure] >= target), np.inf)


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
