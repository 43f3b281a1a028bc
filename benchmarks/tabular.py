"""Mixed tables: skgal's CGAN against CTGAN on adult, speed and usefulness.

Both are trained for the same epochs at the same batch size on the same rows, one thread each,
one after the other; seconds are the processor's, so that what else the machine does counts for
neither. Then a classifier is trained on as many synthetic rows as there are real
ones, with the real frequencies of the classes, and tested on the real test set.

CTGAN carries a licence that forbids it to be a dependency; this script installs it into a
folder of its own (``--ctgan-folder``) and nothing else ever imports it.

    SKGAL_DATA=... python benchmarks/tabular.py --epochs 10 --seeds 0 1 2
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from skorch.callbacks import Callback

from skgal import CGAN
from skgal.nn import Dense

COLUMNS = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
]
BATCH_SIZE = 500


def load(subset, n_rows=None):
    """Read adult; its missing value is a question mark."""
    path = Path(os.environ["SKGAL_DATA"]) / "tabular" / f"adult-{subset}.csv"
    frame = pd.read_csv(path, header=None, names=COLUMNS, skipinitialspace=True, na_values="?")
    frame["income"] = frame["income"].str.rstrip(".")
    return frame.head(n_rows)


def classifiers():
    """Make the classifiers that are trained on synthetic rows."""
    categories = make_column_selector(dtype_exclude="number")
    numbers = make_column_selector(dtype_include="number")
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return {
        "boosting": make_pipeline(
            make_column_transformer((ordinal, categories), remainder="passthrough"),
            HistGradientBoostingClassifier(random_state=0),
        ),
        "logistic regression": make_pipeline(
            make_column_transformer(
                (OneHotEncoder(handle_unknown="ignore"), categories), (StandardScaler(), numbers)
            ),
            LogisticRegression(max_iter=500),
        ),
    }


def usefulness(X, y, X_test, y_test):
    """Train on one table, test on another: area under the ROC curve and macro-F1."""
    scores = {}
    for name, classifier in classifiers().items():
        classifier.fit(X, y)
        proba = classifier.predict_proba(X_test)[:, 1]
        scores[name] = {
            "roc_auc": roc_auc_score(y_test == classifier.classes_[1], proba),
            "macro_f1": f1_score(y_test, classifier.predict(X_test), average="macro"),
        }
    return scores


class Clock(Callback):
    """Note when the training begins, after the data have been transformed."""

    def on_train_begin(self, net, **kwargs):
        self.start = time.process_time()


def fit_skgal(args, train, seed):
    """Train our generator; return seconds an epoch, seconds before the first, and a sample."""
    X, y = train.drop(columns="income"), train["income"].to_numpy()
    per_epoch = -(-len(X) // BATCH_SIZE)
    generator = CGAN(
        latent_dim=128,
        architecture=Dense(hidden=(256, 256)),
        objective=args.objective,
        penalty=args.penalty,
        learning_rate=args.learning_rate,
        batch_size=BATCH_SIZE,
        max_iter=args.epochs * per_epoch,
        random_state=seed,
    )
    clock = Clock()
    start = time.process_time()
    generator.set_params(callbacks=[clock]).fit(X, y)
    end = time.process_time()
    synthetic, classes = generator.sample(y=y, random_state=seed)
    return (end - clock.start) / args.epochs, clock.start - start, (synthetic, classes)


CTGAN_SCRIPT = """
import json, sys, time
sys.path.append(sys.argv[1])
import numpy as np, pandas as pd, torch
torch.set_num_threads(1)
import ctgan.synthesizers.ctgan as module
from ctgan import CTGAN
train, output, epochs, batch, seed = sys.argv[2], sys.argv[3], *map(int, sys.argv[4:7])
frame = pd.read_pickle(train)
np.random.seed(seed); torch.manual_seed(seed)
discrete = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
frame[discrete] = frame[discrete].astype(object).where(frame[discrete].notna(), "missing")
marks = []
original = module.DataTransformer.transform
def marked(self, *args, **kwargs):
    result = original(self, *args, **kwargs)
    marks.append(time.process_time())
    return result
module.DataTransformer.transform = marked
model = CTGAN(epochs=epochs, batch_size=batch, enable_gpu=False, verbose=False)
start = time.process_time()
model.fit(frame, discrete)
end = time.process_time()
model.sample(len(frame)).to_pickle(output)
print(json.dumps([(end - marks[0]) / epochs, marks[0] - start]))
"""


def fit_ctgan(args, train, seed):
    """Train CTGAN in a process of its own; return the same three."""
    folder = args.ctgan_folder
    if not (folder / "ctgan").exists():
        packages = ["ctgan", "rdt", "faker"]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
        subprocess.run([*pip, str(folder), *packages], check=True)
    data, output = folder / "train.pkl", folder / "synthetic.pkl"
    train.to_pickle(data)
    command = [sys.executable, "-c", CTGAN_SCRIPT, str(folder), str(data), str(output)]
    done = subprocess.run(
        [*command, str(args.epochs), str(BATCH_SIZE), str(seed)],
        check=True,
        capture_output=True,
        text=True,
    )
    per_epoch, before = json.loads(done.stdout.splitlines()[-1])
    synthetic = pd.read_pickle(output)
    X = synthetic.drop(columns="income").replace("missing", np.nan)
    return per_epoch, before, (X, synthetic["income"].to_numpy())


def main():
    """Train both with every seed; write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-rows", type=int, default=None)
    parser.add_argument("--objective", default="auto")
    parser.add_argument("--penalty", default="auto")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--evaluate-on", choices=["validation", "test"], default="test")
    parser.add_argument("--arms", nargs="+", default=["skgal", "ctgan"])
    parser.add_argument("--ctgan-folder", type=Path, default=Path("ctgan-install"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/tabular.json"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    train = load("train", args.n_rows)
    test = load("test")
    if args.evaluate_on == "validation":  # options are tried on rows of the training set
        train, test = train.iloc[: len(train) * 4 // 5], train.iloc[len(train) * 4 // 5 :]
    X_test, y_test = test.drop(columns="income"), test["income"].to_numpy()
    real = usefulness(train.drop(columns="income"), train["income"].to_numpy(), X_test, y_test)
    fits = {"skgal": fit_skgal, "ctgan": fit_ctgan}
    report = {
        "command": "python " + " ".join(sys.argv),
        "versions": {"torch": torch.__version__},
        "trained on real rows": real,
        "runs": [],
    }
    print("real", real, flush=True)
    for seed in args.seeds:
        seconds, row = {}, {"seed": seed}
        for arm in args.arms:
            epoch, before, (X, y) = fits[arm](args, train, seed)
            seconds[arm] = epoch, before
            row[arm] = usefulness(X, y, X_test, y_test)
        if len(seconds) == 2:
            row["speed_per_epoch"] = seconds["ctgan"][0] / seconds["skgal"][0]
            row["seconds_before_first_epoch"] = {arm: seconds[arm][1] for arm in seconds}
        print(row, seconds, flush=True)
        report["runs"].append(row)
        if all("speed_per_epoch" in run for run in report["runs"]):
            report["median_speed_per_epoch"] = statistics.median(
                run["speed_per_epoch"] for run in report["runs"]
            )
        args.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
