"""Sixty designs and a simulator: which further designs are worth a run?

The main job of skgal, end to end. A simulator says whether a two-bar truss holds, or yields or
buckles; in general it has its price: hours of a cluster, days of a laboratory. Sixty trusses as
they are built have been computed. 140 more runs may be spent, in rounds, on

- random designs of a generator (GIN) that has learnt what such trusses look like,
- a Sobol sequence in the box that the sixty span,
- designs where the classifier is unsure and none is labelled yet (AISEL), in the latent space of
  that generator, and in that box, which needs none,
- and for comparison 140 more real trusses, which one would have to have.

    python examples/demo.py
    python examples/demo.py --simulator reactor
    python examples/demo.py --dataset digits  # images, a trained network in place of a simulator

Scores are accuracies on 5,000 fresh designs, with the spread over draws of the sixty.
"""

import argparse
import sys
import time

import joblib
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from skgal import AISEL, GIN, ActiveLearner, DesignBox, LatentRandom, SpaceFilling, datasets
from skgal.inspection import LatentSpaceDisplay

N_GIVEN = 60


def run(args, seed):
    """Run all arms for one draw of designs; return their curves, and AISEL's learner."""
    simulator = getattr(datasets, f"make_{args.simulator}")
    designs = simulator(N_GIVEN + args.n_queries, n_test=5000, random_state=seed)
    X, y = designs.X[:N_GIVEN], designs.y[:N_GIVEN]
    model = make_pipeline(StandardScaler(), SVC(C=100))
    with threadpool_limits(1):  # the seeds run side by side
        gin = GIN(latent_dim=X.shape[1], max_iter=args.gin_updates, random_state=seed).fit(X)
        learners = {
            "random, GIN": LatentRandom(FrozenEstimator(gin)),
            "Sobol, box": SpaceFilling(DesignBox()),
            "AISEL, GIN": AISEL(FrozenEstimator(gin)),
            "AISEL, box": AISEL(DesignBox()),
        }
        curves = {}
        for arm, strategy in learners.items():
            learners[arm] = learner = ActiveLearner(
                model,
                strategy,
                oracle=designs.oracle,
                batch_size=args.batch_size,
                budget=args.n_queries,
                random_state=seed,
            ).fit(X, y, X_val=designs.X_test, y_val=designs.y_test)
            curves[arm] = [row["score"] for row in learner.history_]
        n_labels = [row["n_labels"] for row in learner.history_]
        curves["real"] = [
            model.fit(designs.X[:n], designs.y[:n]).score(designs.X_test, designs.y_test)
            for n in n_labels
        ]
    return n_labels, curves, (gin, learners["AISEL, GIN"], X, designs)


def print_table(runs):
    """Print mean and standard deviation of each arm's accuracy, and its gain over native."""
    n_labels, first, _ = runs[0]
    print(f"\n{'test accuracy, %':24s} {'mean':>6s} {'sd':>6s} {'gain':>6s}")
    native = 100 * np.array([curves["real"][0] for _, curves, _ in runs])
    rows = {f"native, {n_labels[0]} labels": native}
    for arm in first:
        final = np.array([curves[arm][-1] for _, curves, _ in runs])
        rows[f"+ {n_labels[-1] - n_labels[0]} {arm}"] = 100 * final
    for name, scores in rows.items():
        spread = np.std(scores, ddof=1) if len(scores) > 1 else np.nan
        gain = np.mean(scores - native)
        print(f"{name:24s} {np.mean(scores):6.1f} {spread:6.1f} {gain:+6.1f}")


def draw(runs, args):
    """Draw accuracy by labels, AISEL's latent map, and what it designed."""
    figure = plt.figure(figsize=(12, 8), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2, 1))
    left, right = above.subplots(1, 2)
    draw_curves(runs, left)
    gin, learner, X, designs = runs[0][2]
    chosen = learner.labelled_.is_synthetic
    LatentSpaceDisplay.from_generator(
        gin,
        learner.estimator_,
        X=X,
        chosen=learner.labelled_.latent[chosen],
        measure=nearness_to_the_boundary,
        ax=right,
    )
    right.set_title("latent space of the GIN, designs at hand and chosen by AISEL", pad=24)
    below.suptitle("some of the designs that AISEL chose, and what the simulator said")
    n_shown = 8
    places = np.flatnonzero(chosen)
    places = places[np.linspace(0, len(places) - 1, n_shown).astype(int)]
    for ax, i in zip(below.subplots(1, n_shown), places, strict=True):
        draw_design(learner.labelled_.X[i], designs, args.simulator, ax)
        ax.set_title(designs.target_names[int(learner.labelled_.y[i])])
    figure.savefig(args.output, dpi=100)
    plt.close(figure)


def draw_curves(runs, ax):
    """Draw the mean accuracy of each arm, with a standard deviation either way."""
    n_labels, first, _ = runs[0]
    for arm in first:
        scores = 100 * np.array([curves[arm] for _, curves, _ in runs])
        mean = scores.mean(axis=0)
        (line,) = ax.plot(n_labels, mean, label=arm, ls="--" if arm == "real" else "-", marker=".")
        if len(scores) > 1:
            spread = scores.std(axis=0, ddof=1)
            ax.fill_between(
                n_labels, mean - spread, mean + spread, color=line.get_color(), alpha=0.1
            )
    ax.set_xlabel("labels")
    ax.set_ylabel("accuracy on fresh designs, %")
    ax.legend()


def nearness_to_the_boundary(model, X):
    """Minus the distance from the decision boundary: near 0 where the model is unsure."""
    return -np.abs(model.decision_function(X))


def draw_design(x, designs, simulator, ax):
    """Draw a truss to scale, its bars as thick as their tubes; of another design, a bar chart."""
    if simulator == "truss":
        _, half_span, height, diameter, _, strength = x
        ax.plot([-half_span, 0, half_span], [0, height, 0], lw=diameter / 12, color="C0")
        ax.set_xlim(-3500, 3500)
        ax.set_ylim(-300, 2000)
        ax.set_xlabel(f"{x[0]:.0f} kN\n{diameter:.0f} mm, {strength:.0f} N/mm²")
    else:
        low, high = designs.X.min(axis=0), designs.X.max(axis=0)
        ax.barh(designs.feature_names, (x - low) / (high - low))
        ax.set_xlim(0, 1)
    ax.set_xticks([])
    ax.set_yticks([])


def parse_args():
    """Read the options; the defaults take about half a minute."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulator", default="truss", choices=["truss", "reactor", "shield"])
    parser.add_argument("--n-queries", type=int, default=140)
    parser.add_argument("--batch-size", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--gin-updates", type=int, default=1000)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--output", default="demo.png", help="where to write the figure")
    return parser.parse_args()


def main():
    """Run all draws, print the table, write the figure."""
    if any(argument.startswith("--dataset") for argument in sys.argv):
        import network_oracle

        return network_oracle.main()
    args = parse_args()
    started = time.perf_counter()
    print(
        f"{args.simulator}: {N_GIVEN} designs at hand, {args.n_queries} more in rounds of "
        f"{args.batch_size}, {len(args.seeds)} draws",
        flush=True,
    )
    runs = joblib.Parallel(n_jobs=args.n_jobs)(
        joblib.delayed(run)(args, seed) for seed in args.seeds
    )
    print_table(runs)
    draw(runs, args)
    print(f"\nThe figure is in {args.output}. {time.perf_counter() - started:.0f} s in all.")
    return None


if __name__ == "__main__":
    main()
