"""Synthetic tables: skgal's defaults against CTGAN, TVAE and a Gaussian copula.

Each generator is fitted to real rows and draws as many. ``compare_tables`` reports on these against
fresh real rows, and models trained on them are tested on the same fresh rows. ``real rows`` is the
reference: the same measures of fresh real rows, and models trained on the real ones.

- Classes to predict: ``adult`` (5,000 of its training and 5,000 of its test rows, drawn by the
  seed), ``german``, ``abalone`` (rings as the usual three classes: up to 8, 9 and 10, from 11 on).
  A quantity: ``rings`` (abalone's, whole numbers, with a category among the columns) and
  ``diabetes`` (scikit-learn's, numbers only). Of all but adult the seed draws 30 % as test rows.
- skgal's: ``CGAN`` where there are classes; ``GAN`` and ``GIN`` where the target is a quantity, a
  column like any other. At their defaults: 2,500 updates of 64 rows, of ``GAN`` 1,500, whatever the
  table's size. ``GAN`` with parameters in JSON is what its defaults were before.
- ``CTGAN`` and ``TVAE`` at their defaults: 300 epochs of 500 rows, 3,000 updates on adult, 300 on
  the smallest tables. They need an interpreter that has ``ctgan`` (its licence forbids it to be a
  dependency), given by ``--ctgan-python`` or the variable CTGAN_PYTHON; without it, each run of
  theirs is recorded as skipped.
- ``copula``: `GaussianCopula` below.

Seconds are the processor's, of the fit, on one thread. Runs that are in the output are kept.

    SKGAL_DATA=... CTGAN_PYTHON=... python benchmarks/tabular.py --seeds 0 1 2

Other parameters are tried on training rows that were held out:

    SKGAL_DATA=... python benchmarks/tabular.py --validation --seeds 100 101 \\
        --arms CGAN 'CGAN {"max_iter": 10000}' --output tuning.json
"""

import argparse
import json
import os
import subprocess
import time
import warnings
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import numpy as np
import pandas as pd
import sklearn
import torch
from report import ReportFile
from scipy.stats import norm, rankdata
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skgal import CGAN, GAN, GIN, compare_tables
from skgal.nn import Dense
from skgal.objectives import GradientPenalty

# The column to predict, and whether it is a quantity.
TABLES = {
    "diabetes": ("target", True),
    "german": ("credit", False),
    "rings": ("rings", True),
    "abalone": ("rings", False),
    "adult": ("income", False),
}
N_ADULT = 5_000  # rows of its training set, and of its test set
EPOCHS = 300
SKGAL = {"CGAN": CGAN, "GAN": GAN, "GIN": GIN}
OTHERS = ("real rows", "copula", "TVAE", "CTGAN")
ADULT = [*(f"x{i}" for i in range(14)), "income"]
GERMAN = [*(f"x{i}" for i in range(20)), "credit"]
ABALONE = [*(f"x{i}" for i in range(8)), "rings"]


def read(name):
    """Read a table of the data folder; of adult, a question mark is a missing value."""
    path = Path(os.environ["SKGAL_DATA"]) / "tabular" / f"{name}.csv"
    return pd.read_csv(path, header=None, skipinitialspace=True, na_values="?")


def load(table, seed, *, validation=False):
    """Return training rows and fresh ones, which for validation are training rows as well."""
    if table == "adult":
        train, test = (
            read(f"adult-{part}").sample(N_ADULT, random_state=seed).set_axis(ADULT, axis=1)
            for part in ("train", "test")
        )
        test["income"] = test["income"].str.rstrip(".")
    else:
        frame = _small_table(table)
        target, is_quantity = TABLES[table]
        classes = None if is_quantity else frame[target]
        train, test = train_test_split(frame, test_size=0.3, stratify=classes, random_state=seed)
    if validation:
        train, test = train_test_split(train, test_size=0.3, random_state=seed)
    return train.reset_index(drop=True), test.reset_index(drop=True)


def _small_table(table):
    if table == "diabetes":
        return load_diabetes(as_frame=True, scaled=False).frame
    if table == "german":
        frame = read("german").set_axis(GERMAN, axis=1)
        return frame.replace({"credit": {1: "good", 2: "bad"}})
    frame = read("abalone").set_axis(ABALONE, axis=1)
    if table == "abalone":
        cut = pd.cut(frame["rings"], [0, 8, 10, 99], labels=["young", "middle", "old"])
        frame["rings"] = cut.astype(str)
    return frame


class GaussianCopula:
    """Rows of a latent normal distribution, whose coordinates are cut into the observed values.

    The values of a column are intervals of the normal distribution, as wide as they are frequent:
    of numbers in their order, of categories the most frequent first; a missing category is one of
    its own. So marginals are those observed, and so is each number drawn. A value's score is the
    mean of its interval. Two columns' latent correlation is the covariance of their scores, divided
    by both variances, which are below 1 where intervals are wide: exact in the limit of fine or
    weakly correlated columns.
    """

    def fit(self, frame):
        """Learn the marginals and the correlation."""
        self.frame, self.orders, scores = frame, [], []
        ladder = norm.ppf((np.arange(len(frame)) + 0.5) / len(frame))
        for _, column in frame.items():
            codes = pd.factorize(column, use_na_sentinel=False, sort=True)[0]
            if not pd.api.types.is_numeric_dtype(column):
                codes = rankdata(-np.bincount(codes), method="ordinal")[codes]
            self.orders.append(np.argsort(codes, kind="stable"))
            ranked = pd.Series(ladder, index=self.orders[-1]).sort_index()
            scores.append(ranked.groupby(codes).transform("mean"))
        covariance = np.cov(scores)
        variances = np.diag(covariance).clip(min=1e-9)
        correlation = (covariance / np.outer(variances, variances)).clip(-1, 1)
        np.fill_diagonal(correlation, 1.0)
        # The nearest matrix that is a correlation: eigenvalues below 0 are estimation errors.
        values, vectors = np.linalg.eigh(correlation)
        root = vectors * np.sqrt(values.clip(min=0))
        self.root = root / np.linalg.norm(root, axis=1, keepdims=True)
        return self

    def sample(self, n_samples, random_state):
        """Draw rows."""
        rng, n_rows = np.random.default_rng(random_state), len(self.frame)
        normal = rng.normal(size=(n_samples, len(self.root))) @ self.root.T
        position = (norm.cdf(normal) * n_rows).astype(int).clip(0, n_rows - 1)
        drawn = {
            name: column.to_numpy()[order[position[:, i]]]
            for i, ((name, column), order) in enumerate(
                zip(self.frame.items(), self.orders, strict=True)
            )
        }
        return pd.DataFrame(drawn).astype(self.frame.dtypes)


def make_generator(arm):
    """Make a generator of its name, or of its name and parameters in JSON."""
    name, _, params = arm.partition(" ")
    params = json.loads(params or "{}")
    if "hidden" in params:
        params["architecture"] = Dense(hidden=params.pop("hidden"))
    if "zero_centred" in params:
        params["penalty"] = GradientPenalty(weight=params.pop("zero_centred"), target=0.0)
    return SKGAL[name](**params)


def fit_skgal(generator, train, target, seed):
    """Fit one of skgal's generators; return rows and what it took."""
    generator.set_params(random_state=seed, device="cpu")
    start = time.process_time()
    if isinstance(generator, CGAN):
        generator.fit(train.drop(columns=target), train[target])
    else:
        generator.fit(train)
    seconds = time.process_time() - start
    drawn = generator.sample(len(train), random_state=seed)
    if isinstance(drawn, tuple):
        drawn = drawn[0].assign(**{target: np.asarray(drawn[1])})
    return drawn[train.columns], {"seconds": seconds}


def fit_copula(train, seed):
    """Fit the Gaussian copula; return rows and what it took."""
    start = time.process_time()
    copula = GaussianCopula().fit(train)
    seconds = time.process_time() - start
    return copula.sample(len(train), seed), {"seconds": seconds}


def fit_ctgan(name, train, seed, interpreter, epochs, n_rows=None):
    """Fit CTGAN or TVAE by another interpreter; return rows and what it took."""
    discrete = train.columns[[not pd.api.types.is_numeric_dtype(t) for t in train.dtypes]]
    script = Path(__file__).with_name("tabular_ctgan.py")
    with TemporaryDirectory() as folder:
        source, output = Path(folder, "train.csv"), Path(folder, "synthetic.csv")
        train.to_csv(source, index=False)
        numbers = [str(number) for number in (seed, epochs, n_rows or len(train))]
        command = [interpreter, script, name, *numbers, source, output, *discrete]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        took = json.loads(done.stdout.splitlines()[-1])
        drawn = pd.read_csv(output, dtype=dict.fromkeys(discrete, str), keep_default_na=False)
    drawn[discrete] = drawn[discrete].replace("", np.nan)
    return drawn[train.columns].astype(train.dtypes), took


def models(is_quantity):
    """Make the models that are trained on synthetic rows."""
    categories = make_column_selector(dtype_exclude="number")
    numbers = make_column_selector(dtype_include="number")
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    trees = HistGradientBoostingRegressor if is_quantity else HistGradientBoostingClassifier
    return {
        "boosting": make_pipeline(
            make_column_transformer((ordinal, categories), remainder="passthrough"),
            trees(random_state=0),
        ),
        "linear": make_pipeline(
            make_column_transformer(
                (OneHotEncoder(handle_unknown="ignore"), categories), (StandardScaler(), numbers)
            ),
            Ridge() if is_quantity else LogisticRegression(max_iter=1000),
        ),
    }


def usefulness(train, test, target, is_quantity):
    """Train on one table, test on another: R², or area under the ROC curve and macro-F1."""
    X, X_test = train.drop(columns=target), test.drop(columns=target)
    y, y_test = train[target], test[target]
    scores = {}
    for name, model in models(is_quantity).items():
        if is_quantity:
            scores[f"{name}, r2"] = r2_score(y_test, model.fit(X, y).predict(X_test))
            continue
        if y.nunique() == 1:
            model = DummyClassifier()
        model.fit(X, y)
        classes = np.unique(y_test)
        proba = pd.DataFrame(model.predict_proba(X_test), columns=model.classes_)
        proba = proba.reindex(columns=classes, fill_value=0.0).to_numpy()
        rated = proba if len(classes) > 2 else proba[:, 1]
        scores[f"{name}, roc_auc"] = roc_auc_score(y_test, rated, multi_class="ovr")
        scores[f"{name}, macro_f1"] = f1_score(y_test, model.predict(X_test), average="macro")
    return scores


def report(train, drawn, test, target, *, reference=False):
    """Return the numbers of `compare_tables` that concern the whole table."""
    rows = compare_tables(train, drawn, held_out=test, target=target)
    rows = rows[(rows["column"] == "all") | (rows["aspect"] == "usefulness")]
    names = rows["aspect"] + ", " + rows["measure"]
    values = rows["reference" if reference else "value"]
    return dict(zip(names, map(float, values), strict=True))


def run(table, seed, arm, args):
    """Fit one arm to one table and score it."""
    train, test = load(table, seed, validation=args.validation)
    target, is_quantity = TABLES[table]
    took = {}
    if arm == "real rows":
        drawn = train
    elif arm == "copula":
        drawn, took = fit_copula(train, seed)
    elif arm in ("CTGAN", "TVAE"):
        if args.ctgan_python is None:
            return {"skipped": "no interpreter with ctgan was given"}
        drawn, took = fit_ctgan(arm, train, seed, args.ctgan_python, args.epochs)
    else:
        drawn, took = fit_skgal(make_generator(arm), train, target, seed)
    scores = usefulness(drawn, test, target, is_quantity)
    is_reference = arm == "real rows"
    return took | scores | report(train, drawn, test, target, reference=is_reference)


def arms_of(table, chosen):
    """Return the arms that make sense on a table: classes have a CGAN, quantities have not."""
    is_quantity = TABLES[table][1]
    return [arm for arm in chosen if arm in OTHERS or arm.startswith("CGAN") != is_quantity]


def summarize(runs):
    """Return mean and standard deviation over the seeds, for each table, arm and measure."""
    summary = {}
    for name, scores in runs.items():
        table, _, arm = name.split(" | ")
        if "skipped" not in scores:
            cell = summary.setdefault(table, {}).setdefault(arm, {})
            for measure, value in scores.items():
                if not isinstance(value, str):
                    cell.setdefault(measure, []).append(value)
    for arms in summary.values():
        for cell in arms.values():
            for measure, values in cell.items():
                sd = {"sd": stdev(values)} if len(values) > 1 else {}
                cell[measure] = {"mean": fmean(values), **sd, "n": len(values)}
    return summary


def main():
    """Make the runs that are missing; write the report after each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--arms", nargs="+", default=[*SKGAL, *OTHERS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of CTGAN and TVAE")
    parser.add_argument("--validation", action="store_true", help="score on training rows held out")
    parser.add_argument("--ctgan-python", default=os.environ.get("CTGAN_PYTHON"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/tabular.json"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of classes and categories that a generator doesn't draw
    settings = {name: getattr(args, name) for name in ("epochs", "validation")}
    file = ReportFile(args.output, settings, [np, pd, sklearn, torch])
    runs = file.read_runs()
    for seed in args.seeds:
        for table in args.tables:
            for arm in arms_of(table, args.arms):
                name = f"{table} | {seed} | {arm}"
                if "skipped" not in runs.get(name, {"skipped": "not yet run"}):
                    continue
                runs[name] = run(table, seed, arm, args)
                file.write(runs, summary=summarize(runs))
                print(name, json.dumps(runs[name]), flush=True)


if __name__ == "__main__":
    main()
