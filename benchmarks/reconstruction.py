"""Which penalty makes GIN reconstruct best from 400 images, and does GIN beat BiGAN?

For each method: the mean absolute and the root mean squared error of ``G(E(x))`` on images
that were not trained on, on the scale [-1, 1], and the error of ``E(G(u))``. Generators and
critics have the same networks and make the same number of updates.

    python benchmarks/reconstruction.py --dataset fashion_mnist --seeds 0 1 2 --updates 600

Each fit takes minutes; runs that the output has, with the same settings, are not made again.
"""

import argparse
import json
import shlex
import statistics
import sys
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.model_selection import train_test_split

from skgal import generators
from skgal.datasets import load_images

GRADIENT_PENALTY = {"objective": "wasserstein", "penalty": "gradient_penalty"}
METHODS = {
    "GIN, gradient penalty": ("GIN", GRADIENT_PENALTY),
    "GIN, weight clipping (the paper)": (
        "GIN",
        {"objective": "wasserstein", "penalty": "weight_clip"},
    ),
    # Hinge loss with spectral normalisation.
    "GIN": ("GIN", {"inversion": "after"}),
    "BiGAN": ("BiGAN", {}),
    "BiGAN, gradient penalty": ("BiGAN", GRADIENT_PENALTY),
}


def run(args, seed, name):
    """Fit one generator and measure it."""
    torch.set_num_threads(1)
    X, y = load_images(args.dataset, subset="train", return_X_y=True)
    X_few, X_rest, *_ = train_test_split(
        X, y, train_size=args.n_labelled, stratify=y, random_state=seed
    )
    method, parameters = METHODS[name]
    generator = getattr(generators, method)(
        latent_dim=args.latent_dim,
        max_iter=args.updates,
        random_state=seed,
        **{"architecture": "dcgan", **parameters},
    ).fit(X_few)
    latent = generator.sample_latent(2000, random_state=seed)
    restored = generator.inverse_transform(generator.transform(X_rest[:2000]))
    error = (restored.astype(float) - X_rest[:2000]) * (2 / (X.max() - X.min()))
    latent_error = generator.transform(generator.inverse_transform(latent)) - latent
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "latent_rmse": float(np.sqrt(np.mean(latent_error**2))),
    }


def read_runs(path, settings):
    """Return the runs that were made before with these settings, by method."""
    report = json.loads(path.read_text()) if path.exists() else {}
    found = report["runs"] if report.get("settings") == settings else {}
    return {name: found.get(name, []) for name in METHODS}


def summarize(runs):
    """Average over the seeds."""
    table = {}
    for name, rows in runs.items():
        table[name] = row = {}
        for measure in ("mae", "rmse", "latent_rmse"):
            values = [scores[measure] for scores in rows]
            row[measure] = statistics.mean(values)
            row[f"{measure}_sd"] = statistics.stdev(values) if len(values) > 1 else None
    return table


def main():
    """Run all methods and seeds, write and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--n-labelled", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--latent-dim", type=int, default=8)
    parser.add_argument("--updates", type=int, default=1500)
    parser.add_argument("--n-jobs", type=int, default=2)
    default_output = Path("benchmarks/results/reconstruction.json")
    parser.add_argument("--output", type=Path, default=default_output)
    args = parser.parse_args()

    settings = {
        key: getattr(args, key) for key in ("dataset", "n_labelled", "latent_dim", "updates")
    }
    runs = read_runs(args.output, settings)
    tasks = [
        (seed, name)
        for seed in args.seeds
        for name in args.methods
        if seed not in [row["seed"] for row in runs[name]]
    ]
    results = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator")(
        joblib.delayed(run)(args, seed, name) for seed, name in tasks
    )
    for (seed, name), scores in zip(tasks, results, strict=True):
        runs[name].append({"seed": seed, **scores})
        print(seed, name, scores, flush=True)
        report = {
            "command": shlex.join(["python", *sys.argv]),
            "versions": {"torch": torch.__version__},
            "settings": settings,
            "runs": runs,
            "summary": summarize({name: rows for name, rows in runs.items() if rows}),
        }
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
