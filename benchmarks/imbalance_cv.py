"""Nested cross-validation of ``benchmarks/imbalance.py``: one method on one split of a data set.

A method's configurations are compared on inner folds of the training data, by the macro-F1 of
their out-of-fold predictions, each at its best threshold; the best one is fitted to all training
data. The test data are looked at once, for the scores.

The threshold is an exponent: a sample is taken for the class of the largest p_k / prior_k ** alpha,
with the prior of the original training data. For two classes that is a threshold on p_1.
"""

import warnings
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from time import process_time
from types import SimpleNamespace

import numpy as np
from imbalance_data import make_view, rows
from imbalance_methods import BARE, make_classifier, target_counts
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgal.classifiers import ClassifierFeatures
from skgal.resampling import GatedSampler
from skgal.utils import seeded_nets

ALPHAS = np.linspace(-1, 1, 9)
_HOLD_OUT = 0.25
_PROCESS = Path("/proc/self")


class Trial:
    """A method on the training and test data of one split.

    Parameters
    ----------
    split : Split
    case : Case
    method : Method
    options : namespace
        ``classifier``, ``classifier_updates``, ``inner``, ``gate_folds``, ``gate_alpha``,
        ``min_gain``.
    seed : int
        Decides inner folds, initial weights and resamplers; the same for all methods.
    """

    def __init__(self, split, case, method, options, seed):
        self.split = split
        self.case = case
        self.method = method
        self.options = options
        self.seed = seed
        self.counts = np.bincount(split.y_train)
        self.priors = self.counts / len(split.y_train)
        self.failures = []

    def run(self):
        """Tune, refit and score; return what each arm, with and without the gate, got."""
        ranked = self.tune(self.method.configs)
        refit = self._refit_best(ranked)
        arms = {"": self._score(refit)}
        if self.method.is_ours and self.options.gate_folds:
            arms[" + gate"] = self._gate(refit)
        return arms

    def tune(self, configs):
        """Return (macro-F1, alpha, configuration) of those that didn't fail, the best first."""
        tuned = []
        for config, proba in zip(configs, self._out_of_fold(configs), strict=True):
            known = np.isfinite(proba).all(axis=1)
            if config not in dict(self.failures):
                score, alpha = best_alpha(self.split.y_train[known], proba[known], self.priors)
                tuned.append((score, alpha, config))
        return sorted(tuned, key=lambda row: -row[0])

    def _out_of_fold(self, configs):
        """Return the predictions of all configurations for what each fold leaves out."""
        X, y = self.split.X_train, self.split.y_train
        probas = np.full((len(configs), len(y), len(self.counts)), np.nan)
        for train, valid in self._inner_folds():
            data = Prepared(self, rows(X, train), y[train])
            for proba, config in zip(probas, configs, strict=True):
                with self._noting_failure(config):
                    learner = data.fit(config)
                    proba[valid] = data.predict_proba(learner, rows(X, valid))
        return probas

    def _inner_folds(self):
        X, y = self.split.X_train, self.split.y_train
        if self.case.is_image:
            folds = StratifiedShuffleSplit(1, test_size=_HOLD_OUT, random_state=self.seed)
        else:
            folds = StratifiedKFold(self.options.inner, shuffle=True, random_state=self.seed)
        return list(folds.split(np.empty(len(X)), y))

    @contextmanager
    def _noting_failure(self, config):
        try:
            yield
        except Exception as error:  # whatever a method raises is its result here
            self.failures.append((config, f"{type(error).__name__}: {error}"[:200]))

    def _refit_best(self, ranked):
        """Fit the best configuration that works to all training data.

        Where none works the user is left with the bare classifier, and so is the method.
        """
        data = Prepared(self, self.split.X_train, self.split.y_train)
        for _, alpha, config in ranked:
            with self._noting_failure(config), measured() as used:
                sampler, resampled = data.resample(config, share=config.share)
                learner = data.fit(config, resampled)
                return SimpleNamespace(
                    data=data,
                    config=config,
                    alpha=alpha,
                    sampler=sampler,
                    learner=learner,
                    used=used,
                )
        return self.bare

    @cached_property
    def bare(self):
        """The bare classifier, fitted to all training data; its time is what others refer to."""
        data = Prepared(self, self.split.X_train, self.split.y_train)
        with measured() as used:
            learner = data.fit(BARE)
        return SimpleNamespace(
            data=data, config=BARE, alpha=None, sampler=None, learner=learner, used=used
        )

    @cached_property
    def bare_alpha(self):
        """The tuned threshold of the bare classifier."""
        return self.tune([BARE])[0][1]

    def _score(self, refit):
        """Score a fitted classifier on the test data; the only place where they are seen."""
        y = self.split.y_test
        proba = refit.data.predict_proba(refit.learner, self.split.X_test)
        alpha = self.bare_alpha if refit.alpha is None else refit.alpha
        predicted = decide(proba, self.priors, alpha)
        rarest = int(np.argmin(self.counts))
        return {
            "macro_f1": f1_score(y, predicted, average="macro", zero_division=0),
            "balanced_accuracy": balanced_accuracy_score(y, predicted),
            "average_precision": average_precision_score(y == rarest, proba[:, rarest]),
            "seconds": refit.used.seconds,
            "bare_seconds": self.bare.used.seconds,
            "peak_mib": refit.used.peak_mib,
            "config": refit.config.label,
            "alpha": float(alpha),
            "has_failed": refit is self.bare,
            "failures": [f"{config.label}: {error}" for config, error in self.failures],
        }

    def _gate(self, refit):
        """Ask the gate about the configuration that was chosen, and use what it returns.

        Where it is closed, or fails, the classifier is the bare one.
        """
        if refit.sampler is None:
            return self._score(refit)
        folds = StratifiedKFold(self.options.gate_folds, shuffle=True, random_state=self.seed)
        gated = GatedSampler(
            refit.sampler,
            refit.data.make_learner(BARE),
            scoring=self._best_macro_f1,
            cv=folds,
            min_gain=self.options.min_gain,
            alpha=self.options.gate_alpha,
            random_state=self.seed,
        )
        decision = None
        with self._noting_failure(refit.config), measured() as used:
            resampled = gated.fit_resample(refit.data.X, self.split.y_train)
            decision = gated.decision_
        is_open = decision is not None and decision.is_open
        if is_open:
            refit = SimpleNamespace(**vars(refit))
            refit.learner = refit.data.fit(refit.config, resampled)
        record = self._score(refit if is_open else self.bare)
        record["seconds"] += used.seconds
        record["peak_mib"] = max(record["peak_mib"], used.peak_mib)
        record["has_failed"] = decision is None
        if decision is not None:
            record["gate"] = {
                "is_open": is_open,
                "original": decision.original.tolist(),
                "resampled": decision.resampled.tolist(),
                "p_value": decision.p_value,
            }
        return record

    def _best_macro_f1(self, learner, X, y):
        """What the gate compares: macro-F1 at the best threshold, as the tuning does."""
        proba = predict_proba(learner, X, len(self.counts))
        return best_alpha(y, proba, self.priors)[0]


class Prepared:
    """Training data as a method takes them, and what it makes of them.

    Parameters
    ----------
    trial : Trial
    X : ndarray or DataFrame
    y : ndarray
    """

    def __init__(self, trial, X, y):
        self.trial = trial
        self.before, self.after = make_view(
            X,
            takes_categories=trial.method.is_ours or trial.method.takes_categories,
            takes_images=trial.method.is_ours,
        )
        self.image_shape = X.shape[1:] if X.ndim == 4 else None
        self.X, self.y = self.before.fit_transform(X), y
        self.shape = self.image_shape or self.after.fit_transform(self.X).shape[1:]
        self._resampled = {}

    def resample(self, config, *, share):
        """Return the resampler of a configuration, and what it returns; None for none."""
        X = self._features[1] if config.in_features else self.X
        if config.make is None:
            return None, (X, self.y)
        sampler = config.make(self.y, target_counts(share, self.y), self.trial.seed)
        return sampler, sampler.fit_resample(X, self.y)

    def fit(self, config, resampled=None):
        """Fit the classifier of a configuration, to resampled data if there are any yet."""
        if resampled is None:
            resampled = self._resample_once(config)
        learner = self._make_head(config) if config.in_features else self.make_learner(config)
        with seeded_nets(learner, self.trial.seed):
            learner.fit(*resampled)
        return make_pipeline(self._features[0], learner) if config.in_features else learner

    @cached_property
    def _features(self):
        """What makes the features, the bare classifier trained when first asked for; and these."""
        features = make_pipeline(
            ClassifierFeatures(self.make_learner(BARE), random_state=self.trial.seed),
            StandardScaler(),
        )
        return features, features.fit_transform(self.X, self.y)

    def _resample_once(self, config):
        """Resample to equal frequencies, once for all shares; thin out what is new."""
        if config.make is None:
            return self.resample(config, share=0.0)[1]
        key = config.setting, config.in_features
        if key not in self._resampled:
            try:
                outcome = self.resample(config, share=1.0)[1]
            except Exception as error:  # it fails for the other shares too
                outcome = error
            self._resampled[key] = outcome
        outcome = self._resampled[key]
        if isinstance(outcome, Exception):
            raise outcome
        X, y = outcome
        kept = self._thin(y, config.share)
        return rows(X, kept), y[kept]

    def _thin(self, y, share):
        """Return the original rows, which come first, and a random share of the new of a class."""
        rng = np.random.default_rng(self.trial.seed)
        kept = [np.arange(len(self.y))]
        for label in np.unique(y):
            new = len(self.y) + np.flatnonzero(y[len(self.y) :] == label)
            kept.append(rng.choice(new, size=round(share * len(new)), replace=False))
        return np.concatenate(kept)

    def make_learner(self, config):
        """Make the classifier, with what brings resampled samples to it before it."""
        options = self.trial.options
        classifier = make_classifier(
            options.classifier,
            self.shape,
            config,
            self._counts,
            n_updates=options.classifier_updates,
        )
        return make_pipeline(self.after, classifier)

    def _make_head(self, config):
        return make_classifier("logistic", None, config, self._counts, n_updates=None)

    @property
    def _counts(self):
        return np.bincount(self.y, minlength=len(self.trial.counts))

    def predict_proba(self, learner, X):
        """Predict a column for each class, for samples as they came."""
        return predict_proba(learner, self.before.transform(X), len(self.trial.counts))


def predict_proba(learner, X, n_classes):
    """Predict a column for each class, of which the learner may have seen only some."""
    proba = np.zeros((len(X), n_classes))
    with seeded_nets(learner):
        proba[:, np.asarray(learner.classes_)] = learner.predict_proba(X)
    return proba


def decide(proba, priors, alpha):
    """Return the class of the largest p / prior ** alpha."""
    return np.argmax(np.log(proba + 1e-12) - alpha * np.log(priors), axis=1)


def best_alpha(y, proba, priors):
    """Return the largest macro-F1 and its exponent, of equal ones the nearest to zero."""
    alphas = sorted(ALPHAS, key=abs)
    scores = [
        f1_score(y, decide(proba, priors, alpha), average="macro", zero_division=0)
        for alpha in alphas
    ]
    best = int(np.argmax(scores))
    return float(scores[best]), float(alphas[best])


@contextmanager
def measured():
    """Measure processor seconds and the growth of the resident memory, known at the end.

    Linux can set the peak back; where it isn't Linux, there is none.
    """
    _reset_peak()
    start, before = process_time(), _memory("VmRSS")
    used = SimpleNamespace(seconds=None, peak_mib=None)
    try:
        yield used
    finally:
        used.seconds = process_time() - start
        used.peak_mib = _memory("VmHWM") - before


def _reset_peak():
    if _PROCESS.exists():
        (_PROCESS / "clear_refs").write_text("5")


def _memory(field):
    """Return a row of Linux's memory statistics of this process, in MiB."""
    if not _PROCESS.exists():
        return float("nan")
    fields = dict(line.split(":", 1) for line in (_PROCESS / "status").read_text().splitlines())
    return int(fields[field].split()[0]) / 1024


def run_job(case, method, options, seed):
    """Run one method on all splits of a seed; return a record for each of its arms."""
    import torch

    torch.set_num_threads(1)
    arms = {}
    with warnings.catch_warnings():
        # Small classes are what this is about; failures are recorded.
        warnings.simplefilter("ignore")
        for index, split in enumerate(case.splits(seed, options.outer)):
            trial = Trial(split, case, method, options, seed=1000 * seed + index)
            for arm, record in trial.run().items():
                arms.setdefault(arm, []).append(record)
    return arms
