"""What designed samples are worth where a simulator labels them.

From designs at hand, each arm has the simulator label as many more, in rounds of equal size, and
the same model learns from both. The arms:

- ``random``: designs of a GIN at random; ``uncertainty`` and ``aisel``: such as
  ``LatentUncertainty`` and ``AISEL`` choose in the latent space of the same GIN;
- ``sobol``: a Sobol sequence in the box that the designs at hand span; ``uncertainty box`` and
  ``aisel box``: the strategies in that box, without a GAN (tables only);
- ``skactiveml``: scikit-activeml's uncertainty sampling on a pool of 4,000 Sobol points of that
  box; ``botorch``: the points of that pool at which a Gaussian process of BoTorch is least sure on
  which side of its level set they are (straddle; tables and classes only, each if installed);
- ``real``: designs of the simulator's own distribution at random, and ``real uncertain``: the
  least certain of 4,000 of them (2,000 images): what no generator is expected to beat.

Each curve starts from what the model learns from the designs at hand alone. Every arm has default
parameters, hard labels, and the same model with the same effort: a support vector machine for
classes of tables, a Gaussian process for their values, and for images a small convolutional net
of as many updates however many images there are. Where the solver fails (``feeder``), the call is
spent.

Scores are of fresh designs: accuracy, or the root mean square error in standard deviations.

    python benchmarks/simulators.py --quick
    python benchmarks/simulators.py --draws 10 --n-jobs 2

A cell is one simulator, task, size of rounds, draw and arm; the file is rewritten after each, and a
killed benchmark goes on when called again. ``--figures`` draws one figure for each simulator.
"""

import argparse
import json
import time
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import scipy
import sklearn
from report import ReportFile
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

import skgal
from skgal import datasets
from skgal.active import ActiveLearner, CallableOracle
from skgal.generators import GIN, DesignBox
from skgal.query import (
    AISEL,
    FromSkactiveml,
    LatentRandom,
    LatentUncertainty,
    RandomSampling,
    SpaceFilling,
    UncertaintySampling,
)

TABLES = ("reactor", "truss", "feeder", "shield")
IMAGES = ("conduction", "stenosis")
LATENT = {"random": LatentRandom, "uncertainty": LatentUncertainty, "aisel": AISEL}
BOX = {"sobol": SpaceFilling, "uncertainty box": LatentUncertainty, "aisel box": AISEL}
REAL = {"real": RandomSampling, "real uncertain": UncertaintySampling}
OUTSIDE = ("skactiveml", "botorch")
ARMS = (*LATENT, *BOX, *OUTSIDE, *REAL)


def size_of(simulator):
    """How many designs are at hand, bought, in the real pool, and in the test set."""
    return (60, 140, 4000, 5000) if simulator in TABLES else (120, 120, 2000, 2000)


def make(simulator, task, draw):
    """Draw given designs, a real pool without labels, and the oracle."""
    n_given, _, n_pool, n_test = size_of(simulator)
    bundle = getattr(datasets, f"make_{simulator}")(
        n_given + n_pool,
        n_test=n_test,
        task="class" if task == "net" else task,
        random_state=draw,
    )
    return bundle, n_given


def make_model(simulator, task, X):
    """Make the model of a task: how much it learns doesn't depend on the arm."""
    if task == "net":
        return make_net(X)
    if task == "class":
        scale = FunctionTransformer(flatten) if simulator in IMAGES else StandardScaler()
        return make_pipeline(scale, SVC(C=100))
    kernel = ConstantKernel() * RBF(np.ones(X.shape[1])) + WhiteKernel(1e-3)
    return make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, normalize_y=True))


def flatten(images):
    return np.asarray(images).reshape(len(images), -1)


def make_net(X, n_updates=300, n_classes=3):
    """Make a small convolutional net that says how unsure it is, of a number of updates."""
    import torch
    from skorch import NeuralNetClassifier
    from skorch.callbacks import LRScheduler

    from skgal.classifiers import UpdatesLoader
    from skgal.nn import ConvClassifier

    decay = LRScheduler(
        torch.optim.lr_scheduler.CosineAnnealingLR, T_max=n_updates, step_every="batch"
    )
    return NeuralNetClassifier(
        ConvClassifier,
        module__image_shape=X.shape[1:],
        module__n_classes=n_classes,
        module__widths=(16, 32, 32),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=2e-3,
        batch_size=32,
        max_epochs=5,
        iterator_train=UpdatesLoader,
        iterator_train__updates_per_epoch=-(-n_updates // 5),
        train_split=None,
        callbacks=[("decay", decay)],
        verbose=0,
    )


def fit_gin(simulator, task, draw):
    """Fit the generator that all latent arms of a draw share."""
    bundle, n_given = make(simulator, task, draw)
    return GIN(random_state=draw).fit(bundle.X[:n_given])


def run_cell(simulator, task, batch_size, draw, arm, cached_gin):
    """Run one arm; return its scores, before the first round and after each, and seconds."""
    started = time.perf_counter()
    bundle, n_given = make(simulator, task, draw)
    n_buy = size_of(simulator)[1]
    X, y = bundle.X[:n_given], bundle.y[:n_given]
    labels = y
    if arm in REAL:
        strategy = REAL[arm]()
        X, labels = with_pool(X, y, bundle.X[n_given:])
    elif arm in OUTSIDE:
        box = SpaceFilling(DesignBox(), random_state=draw).fit(X)
        pool = box.synthesize(X, y, None, batch_size=size_of(simulator)[2]).X
        strategy = FromSkactiveml(skactiveml_strategy()) if arm == "skactiveml" else Straddle()
        X, labels = with_pool(X, y, pool)
    elif arm in BOX:
        strategy = BOX[arm](DesignBox())
    else:
        strategy = LATENT[arm](FrozenEstimator(cached_gin(simulator, task, draw)))
    if simulator == "feeder":
        # One by one: a design that the solver fails on costs its call and no more. Where a model
        # knows least it may fail on a whole batch; CallableOracle would take that for a bug.
        bundle.oracle = CallableOracle(partial(answer_or_decline, bundle.oracle))
    learner = ActiveLearner(
        make_model(simulator, task, X),
        strategy,
        oracle=bundle.oracle,
        batch_size=batch_size,
        budget=n_buy,
        random_state=draw,
    )
    with threadpool_limits(1):
        learner.fit(X, labels, X_val=bundle.X_test, y_val=bundle.y_test)
    scores = np.array([row["score"] for row in learner.history_])
    if task == "value":  # from the share of the variance to an error in standard deviations
        scores = np.sqrt(1 - scores)
    return {
        "scores": np.round(scores, 4).tolist(),
        "n_labels": len(learner.labelled_),
        "seconds": round(time.perf_counter() - started, 1),
        "seconds_query": round(sum(row["seconds_query"] for row in learner.history_[1:]), 2),
    }


def list_calls(simulator, batch_size):
    """List after how many runs of the simulator a model is scored."""
    n_buy = size_of(simulator)[1]
    return np.append(np.arange(0, n_buy, batch_size), n_buy)


def answer_or_decline(oracle, x):
    """Answer NaN where the solver finds no solution."""
    try:
        return oracle(x)
    except RuntimeError:
        return np.nan


def with_pool(X, y, pool):
    """Put unlabelled designs below labelled ones."""
    return np.concatenate([X, pool]), np.concatenate([y, np.full(len(pool), np.nan)])


def skactiveml_strategy():
    from skactiveml.pool import UncertaintySampling as SkactivemlUncertaintySampling

    return SkactivemlUncertaintySampling(method="margin_sampling", random_state=0)


class Straddle(RandomSampling):
    """BoTorch's Gaussian process on labels of -1 and 1, and the point of the pool that it is least
    sure is above or below 0 (Bryan et al. 2005), one after the other; a batch takes its own
    means for labels."""

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        import torch
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from gpytorch.mlls import ExactMarginalLogLikelihood

        y = np.asarray(y, dtype=float)
        known = ~np.isnan(y)
        scaler = StandardScaler().fit(X[known])
        points = torch.as_tensor(scaler.transform(X), dtype=torch.float64)
        targets = torch.as_tensor(2 * y[known] - 1, dtype=torch.float64)[:, None]
        model = SingleTaskGP(points[torch.as_tensor(known)], targets)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        free = np.flatnonzero(~known) if candidates is None else np.asarray(candidates)
        chosen = []
        for _ in range(batch_size):
            with torch.no_grad():
                posterior = model.posterior(points[free])
                mean, std = posterior.mean[:, 0], posterior.variance[:, 0].sqrt()
            score = (1.96 * std - mean.abs()).numpy()
            score[np.isin(free, chosen)] = -np.inf
            best = int(score.argmax())
            chosen.append(int(free[best]))
            with torch.no_grad():
                model = model.condition_on_observations(
                    points[free[best]][None], mean[best].reshape(1, 1)
                )
        return np.array(chosen)


def list_cells(args):
    """List the cells asked for that make sense."""
    cells = product(args.simulators, args.tasks, args.batch_sizes, range(args.draws), args.arms)
    return [cell for cell in cells if is_sensible(*cell)]


def is_sensible(simulator, task, batch_size, draw, arm):
    if simulator in IMAGES and (task == "value" or arm in BOX or arm in OUTSIDE):
        return False
    if (simulator in TABLES and task == "net") or (arm in OUTSIDE and task == "value"):
        return False
    return find_spec(arm) is not None if arm in OUTSIDE else True


def summarise(runs):
    """Tabulate each arm: final score, lead over random, calls it needs to draw level."""
    tables = {}
    by_arm = {}
    for name, run in runs.items():
        simulator, task, batch_size, draw, arm = json.loads(name)
        by_arm.setdefault((simulator, task, batch_size), {}).setdefault(arm, {})[draw] = run
    for (simulator, task, batch_size), arms in sorted(by_arm.items()):
        sign = -1 if task == "value" else 1
        table = tables[f"{simulator}, {task}, rounds of {batch_size}"] = {}
        goal = np.nan
        if "random" in arms:
            goal = np.mean([run["scores"][-1] for run in arms["random"].values()])
        for arm in (arm for arm in ARMS if arm in arms):
            curves = np.array([run["scores"] for run in arms[arm].values()])
            calls = list_calls(simulator, batch_size)
            row = table[arm] = {
                "draws": len(curves),
                "native": curves[:, 0].mean(),
                "final": curves[:, -1].mean(),
                "final_se": standard_error(curves[:, -1]),
                "calls_to_random": calls_to_reach(goal, curves.mean(axis=0), calls, sign),
                "labels": float(np.mean([run["n_labels"] for run in arms[arm].values()])),
                "seconds_query": float(np.mean([r["seconds_query"] for r in arms[arm].values()])),
            }
            both = sorted(arms[arm].keys() & arms.get("random", {}).keys())
            if both:
                lead = [
                    sign * (arms[arm][i]["scores"][-1] - arms["random"][i]["scores"][-1])
                    for i in both
                ]
                row["lead"], row["lead_se"] = float(np.mean(lead)), standard_error(lead)
    return tables


def standard_error(values):
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def calls_to_reach(goal, curve, calls, sign):
    """Calls after which a mean curve reaches a goal, between rounds on a straight line; or None."""
    gap = sign * (np.asarray(curve) - goal)
    reached = np.flatnonzero(gap >= -1e-12)
    if not reached.size:
        return None
    i = reached[0]
    if i == 0:
        return 0.0
    share = gap[i - 1] / (gap[i - 1] - gap[i])
    return float(calls[i - 1] + share * (calls[i] - calls[i - 1]))


def print_tables(tables):
    columns = ("draws", "native", "final", "final_se", "lead", "lead_se", "calls_to_random")
    for title, table in tables.items():
        print(f"\n{title}\n{'':16s}" + "".join(f"{name:>16s}" for name in columns))
        for arm, row in table.items():
            texts = [f"{row[name]:.4g}" if row.get(name) is not None else "-" for name in columns]
            print(f"{arm:16s}" + "".join(f"{text:>16s}" for text in texts))


def draw_figures(runs, folder):
    """Draw one figure for each simulator: score by calls, a panel for each task and round."""
    cells = {tuple(json.loads(name)): run for name, run in runs.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for simulator in dict.fromkeys(cell[0] for cell in cells):
        figure = draw_figure(cells, simulator)
        figure.savefig(folder / f"simulators_{simulator}.png", dpi=100)


def draw_figure(cells, simulator):
    """Draw the mean curve of each arm, and its standard error."""
    from matplotlib.figure import Figure

    panels = sorted({cell[1:3] for cell in cells if cell[0] == simulator})
    figure = Figure(figsize=(max(3.2 * len(panels), 6.4), 3.8), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (task, size) in zip(axes, panels, strict=True):
        for k, arm in enumerate(ARMS):
            wanted = (simulator, task, size, arm)
            curves = [run for cell, run in cells.items() if (*cell[:3], cell[4]) == wanted]
            if not curves:
                continue
            scores = np.array([run["scores"] for run in curves])
            calls, mean = list_calls(simulator, size), scores.mean(axis=0)
            ax.plot(calls, mean, label=arm, color=f"C{k}", ls="--" if arm in REAL else "-")
            if len(scores) > 1:
                error = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
                ax.fill_between(calls, mean - error, mean + error, color=f"C{k}", alpha=0.15, lw=0)
        ax.set_title(f"{'net, ' if task == 'net' else ''}rounds of {size}")
        ax.set_xlabel("runs of the simulator")
        ax.set_ylabel("error (standard deviations)" if task == "value" else "accuracy")
    lines = {
        label: line
        for ax in axes
        for line, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=5)
    figure.suptitle(f"make_{simulator}: mean and standard error")
    return figure


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulators", nargs="+", default=[*TABLES, *IMAGES])
    parser.add_argument("--tasks", nargs="+", default=["class", "value"])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[10, 20, 70])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two tables, two draws, one size")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--figures", type=Path, default=None, help="folder for figures")
    args = parser.parse_args()
    if args.quick:
        args.simulators, args.tasks = ["reactor", "truss"], ["class"]
        args.batch_sizes, args.draws = [70], min(args.draws, 2)
    if args.output is None:
        name = "simulators_quick.json" if args.quick else "simulators.json"
        args.output = Path(__file__).parent / "results" / name
    return args


def main():
    args = parse_args()
    report = ReportFile(args.output, {"models": "svc, gp, cnn"}, [skgal, sklearn, np, scipy])
    runs = report.read_runs()
    wanted = [cell for cell in list_cells(args) if json.dumps(cell) not in runs]
    with TemporaryDirectory() as folder:
        memory = joblib.Memory(folder, verbose=0)
        run = partial(run_cell, cached_gin=memory.cache(fit_gin))
        parallel = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator_unordered")
        for cell, result in parallel(
            joblib.delayed(lambda cell: (cell, run(*cell)))(cell) for cell in wanted
        ):
            runs[json.dumps(cell)] = result
            report.write(runs, summary=summarise(runs))
            first, last, seconds = *np.array(result["scores"])[[0, -1]], result["seconds"]
            print(f"{cell}: {first:.3f} -> {last:.3f} in {seconds:.0f} s", flush=True)
    print_tables(summarise(runs))
    if args.figures is not None:
        draw_figures(runs, args.figures)


if __name__ == "__main__":
    main()
