"""Strategies against each other, and against chance: the same data, starts and budgets for all."""

from contextlib import closing
from inspect import isfunction
from itertools import product
from numbers import Integral

import joblib
import numpy as np
from joblib import delayed
from joblib.func_inspect import get_func_code
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from skgal.active._comparison import StrategyComparison
from skgal.active._comparison_file import ComparisonFile, Run
from skgal.active._initial import count_initial
from skgal.active._learner import ActiveLearner
from skgal.active._parallel import parallel_as_completed
from skgal.query import RandomSampling

BASELINE = "random"

COLUMNS = ("n_labels", "n_bought", "seconds_fit", "seconds_query", "seconds_oracle")


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
    path=None,
):
    """Compare query strategies by simulated labelling.

    Every strategy labels every data set once for each seed. The seed decides how the data are
    split and which labels are known at the start, so that strategies start alike and their
    scores can be compared in pairs. Chance takes part: without a
    :class:`~skgal.query.RandomSampling` among the strategies one is added, named ``"random"``.

    Parameters
    ----------
    estimator : classifier, regressor, Pipeline or skorch net
        The model to teach.
    strategies : dict of str to strategy
    datasets : dict of str to tuple
        ``(X, y)``, which is split, or ``(X, y, X_test, y_test)``; y complete.
    seeds : int or list of int, default=5
        How many repetitions, of seeds 0, 1, ...; or their seeds.
    n_initial : int, default=None
        Labels known at the start; None is two for each class, but no fewer than 10.
    batch_size : int, default=10
        Labels bought in each round.
    budget : int, default=None
        Labels to buy beyond the initial ones; None buys ten batches.
    test_size : float or int, default=0.25
        Share or number of samples to score on; a classifier's are stratified.
    scoring : str or callable, default=None
        The score on the test samples, as scikit-learn names it; None: the estimator's own.
    oracles : dict of str to callable, default=None
        For each data set who labels designed samples; needed by strategies that synthesise.
        Then all strategies ask it.
    n_jobs : int, default=None
        How many runs at once, by joblib.
    memory : None, str, path or joblib.Memory, default=None
        Caches what strategies fit; see :class:`ActiveLearner`.
    path : str or path, default=None
        A file that keeps the results of runs. Killed and called again, only what is missing is
        run; so strategies, data sets and seeds can be added later. None keeps nothing.

    Returns
    -------
    StrategyComparison

    Raises
    ------
    ValueError
        If there is nothing to compare, "random" names something else than random sampling, a
        strategy synthesises and there is no oracle, or ``path`` holds results of the same name
        that were obtained otherwise.
    PicklingError
        If ``path`` is given, and something that decides the results can't be pickled; functions,
        lambdas among them, can.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import compare_strategies
    >>> from skgal.query import UncertaintySampling
    >>> comparison = compare_strategies(
    ...     GaussianNB(),
    ...     {"margin": UncertaintySampling("margin_of_confidence")},
    ...     {"iris": load_iris(return_X_y=True)},
    ...     seeds=2,
    ...     budget=20,
    ... )
    >>> comparison.curves.groupby("strategy").size().to_dict()
    {'margin': 6, 'random': 6}
    """
    strategies, baseline = _with_baseline(strategies)
    oracles = {} if oracles is None else oracles
    _check_datasets(datasets, strategies, oracles)
    settings = {
        "estimator": estimator,
        "n_initial": n_initial,
        "batch_size": batch_size,
        "budget": budget,
        "test_size": test_size,
        "scoring": scoring,
    }
    seeds = range(seeds) if isinstance(seeds, Integral) else seeds
    runs = [Run(*names) for names in product(datasets, strategies, (int(seed) for seed in seeds))]
    with closing(ComparisonFile(path)) as file:
        prints = dict.fromkeys(runs)
        if path is not None:
            prints = _fingerprints(runs, strategies, datasets, oracles, settings)
        missing = [run for run in runs if not file.has(run, prints[run])]
        tasks = (
            delayed(_simulate)(
                run,
                datasets[run.dataset],
                strategies[run.strategy],
                oracle=oracles.get(run.dataset),
                memory=memory,
                **settings,
            )
            for run in missing
        )
        for run, history in parallel_as_completed(n_jobs)(tasks):
            file.write(run, prints[run], history)
        records = [{**run._asdict(), **row} for run in runs for row in file.read(run)]
    return StrategyComparison(records, baseline)


def _simulate(
    run, data, strategy, *, estimator, oracle, memory, n_initial, test_size, scoring, **budget
):
    """Let one strategy label one data set; its history, scores included."""
    classify = is_classifier(estimator)
    if len(data) == 2:
        stratify = data[1] if classify else None
        X, X_test, y, y_test = train_test_split(
            *data, test_size=test_size, stratify=stratify, random_state=run.seed
        )
    else:
        X, y, X_test, y_test = data
    # Said outright, since a strategy that synthesises would be shown all labels.
    shown = count_initial(n_initial, y, np.unique(y) if classify else None)
    scores = _Scores(X_test, y_test, scoring)
    learner = ActiveLearner(
        clone(estimator),
        strategy,
        oracle=oracle,
        n_initial=shown,
        stopping=scores,
        memory=memory,
        random_state=run.seed,
        **budget,
    ).fit(X, y)
    rows = zip(learner.history_, scores.values, strict=True)
    return run, [{**{name: row[name] for name in COLUMNS}, "score": score} for row, score in rows]


class _Scores:
    """Scores each model of a learner; asked when to stop, it never says so."""

    def __init__(self, X, y, scoring):
        self.X = X
        self.y = y
        self.scoring = scoring
        self.values = []

    def check(self, learner):
        if len(self.values) < len(learner.history_):
            scorer = check_scoring(learner, self.scoring)
            self.values.append(float(scorer(learner, self.X, self.y)))


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
        if len(data) not in (2, 4):
            raise ValueError(
                "A data set is (X, y) or (X, y, X_test, y_test); "
                f"{name!r} is a tuple of {len(data)}."
            )
    designing = [name for name, each in strategies.items() if hasattr(each, "synthesize")]
    speechless = sorted(set(datasets) - set(oracles))
    if designing and speechless:
        raise ValueError(
            f"{designing} design samples, which need an oracle for each data set; "
            f"oracles has none for {speechless}."
        )


def _fingerprints(runs, strategies, datasets, oracles, settings):
    """Hash for each run what its result follows from, its names and seed apart."""
    asked = {name: type(oracle).__qualname__ for name, oracle in oracles.items()}
    base = joblib.hash(_signature(settings))
    data = {name: joblib.hash([each, asked.get(name)]) for name, each in datasets.items()}
    signatures = {name: joblib.hash(_signature(each)) for name, each in strategies.items()}
    return {run: joblib.hash([base, data[run.dataset], signatures[run.strategy]]) for run in runs}


def _signature(value):
    """What an estimator is, without the version that scikit-learn writes into its pickles.

    Functions are known by their source, since lambdas can't be pickled at all.
    """
    if isinstance(value, dict):
        return {name: _signature(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_signature(each) for each in value]
    if hasattr(value, "get_params") and not isinstance(value, type):
        return [type(value).__qualname__, _signature(value.get_params(deep=False))]
    if isfunction(value):
        return [value.__qualname__, get_func_code(value)[0]]
    return value
