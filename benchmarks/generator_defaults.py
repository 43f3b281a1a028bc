"""Which networks, loss and penalty should be the defaults? At equal processor time, one thread.

- ``images``: each arm trains a `GAN` for the same seconds of the processor on 5,000 images; its
  samples are compared with test images in the features of one classifier that was trained on
  images that no generator sees (`generators.py` has the same).
- ``tables``: each arm trains a `GAN` on few rows for its own number of updates; what counts is
  how long that takes and how far its samples are from fresh rows.
- ``peers``: `GAN` at its defaults, the same recipe written out by hand in PyTorch, and CTGAN at its
  defaults (300 epochs; in an interpreter of its own, named by CTGAN_PYTHON, as in `tabular.py`),
  one after the other; of digits, also `GAN` on them as images.
- ``inversion``: the same for `GIN` on 120 images of 16x16, with how well it restores fresh ones.

    SKGAL_DATA=... python benchmarks/generator_defaults.py --seeds 0 1 2

Settings were chosen with the seeds 100 and 101, on Fashion-MNIST and the first table. What the
output has, of the same options, is not measured again.
"""

import argparse
import itertools
import os
import time
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import sklearn
import torch
from generators import Deadline, measure, prepare
from report import ReportFile
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from tabular import fit_ctgan
from torch import autograd
from torch.nn.functional import softplus
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from skgal import GAN, GIN
from skgal.datasets import load_images, make_conduction, make_reactor, make_stenosis, make_truss
from skgal.design import energy_distance
from skgal.metrics import coverage, frechet_distance, generative_precision, generative_recall
from skgal.nn import DCGAN, R3GAN, Dense, ResizeConvolution
from skgal.objectives import GradientPenalty, LazyPenalty

SPECTRAL = {"objective": "hinge", "penalty": "spectral_norm"}
R1_AND_R2 = LazyPenalty(GradientPenalty(weight=0.5, target=0.0, at="both"), every=4)
ZERO_CENTRED = GradientPenalty(weight=1.0, target=0.0)
RESIZED = {"architecture": ResizeConvolution(width=16)}
# What "auto" was before, spelt out.
IMAGE_ARMS = {
    "transposed, spectral norm (before)": {"architecture": DCGAN(), **SPECTRAL},
    "resized, spectral norm": {**RESIZED, **SPECTRAL},
    "resized, zero-centred penalty": {
        **RESIZED,
        "objective": "nonsaturating",
        "penalty": LazyPenalty(ZERO_CENTRED, every=4),
    },
    "resized, relativistic, R1 and R2": {
        **RESIZED,
        "objective": "relativistic",
        "penalty": R1_AND_R2,
    },
    "R3GAN": {
        "architecture": R3GAN(width=8),
        "objective": "relativistic",
        "penalty": R1_AND_R2,
    },
}
TABLE_ARMS = {
    "before": {
        "architecture": Dense(),
        "penalty": ZERO_CENTRED,
        "objective": "nonsaturating",
        "max_iter": 2500,
        "learning_rate": 5e-4,
    },
    "64 units": {"architecture": Dense(hidden=(64, 64))},
    "now": {},
}
INVERSION_ARMS = {
    "before": {"architecture": DCGAN(), **SPECTRAL, "max_iter": 2500, "inversion": "after"},
    "now": {},
}


def images(args, seed, name, dataset):
    """Train on images for the same processor time, and measure."""
    classifier, real, _ = prepared(args.n_drawn, dataset)
    X, y = load_images(dataset, subset="train", return_X_y=True)
    X, _ = train_test_split(X, train_size=args.n_train, stratify=y, random_state=seed)
    gan = GAN(max_iter=10**6, random_state=seed, **IMAGE_ARMS[name])
    gan.set_params(callbacks=[Deadline(args.seconds)]).fit(X)
    samples = gan.sample(args.n_drawn, random_state=seed)
    save_grid(args.grids, f"{dataset} {name} {seed}", samples)
    return {**measure(classifier, real, samples, None), "updates": gan.n_iter_}


@cache
def prepared(n_drawn, dataset):
    """Return the classifier, test images in its features, and what real images score."""
    return prepare(SimpleNamespace(classifier_updates=1500, n_drawn=n_drawn), dataset)


def save_grid(folder, name, samples):
    """Write the first 64 images to a file."""
    if folder is None:
        return
    import matplotlib.image

    folder.mkdir(parents=True, exist_ok=True)
    tiles = samples[:64].reshape(8, 8, *samples.shape[1:]).transpose(0, 3, 1, 4, 2)
    grid = tiles.reshape(8 * samples.shape[2], 8 * samples.shape[3], -1)
    grid = np.clip(grid / 255, 0, 1).repeat(3, axis=2) if grid.shape[2] == 1 else grid / 255
    matplotlib.image.imsave(folder / f"{name.replace(' ', '_')}.png", np.clip(grid, 0, 1))


def reactor(seed):
    """60 designs of 5 variables."""
    bunch = make_reactor(60, n_test=2000, random_state=seed)
    return bunch.X, bunch.X_test


def truss(seed):
    """11,000 designs of 6 variables."""
    bunch = make_truss(11_000, n_test=2000, random_state=seed)
    return bunch.X, bunch.X_test


def cancer(seed):
    """400 patients, 30 numbers each."""
    return train_test_split(load_breast_cancer().data, train_size=400, random_state=seed)


def digits(seed):
    """1,500 digits as rows of 64 pixels."""
    return train_test_split(load_digits().data, train_size=1500, random_state=seed)


TABLES = {f.__doc__.rstrip("."): f for f in (reactor, truss, cancer, digits)}


def tables(args, seed, name, dataset):
    """Train on a table, and compare with fresh rows, in standard deviations."""
    X, fresh = TABLES[dataset](seed)
    GAN(max_iter=1).fit(X[:60])  # torch imports modules at its first step
    start = time.process_time()
    gan = GAN(random_state=seed, **TABLE_ARMS[name]).fit(X)
    seconds = time.process_time() - start
    return compare(X, fresh, gan.sample(2000, random_state=seed), seconds)


def compare(X, fresh, drawn, seconds):
    """Compare drawn rows with fresh ones, in standard deviations of the training rows."""
    scale = np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    drawn, fresh = drawn / scale, fresh / scale
    return {
        "seconds": seconds,
        "energy": energy_distance(drawn, fresh),
        "frechet": frechet_distance(fresh, drawn),
        "precision": generative_precision(fresh, drawn[: len(fresh)]),
        "recall": generative_recall(fresh, drawn[: len(fresh)]),
        "coverage": coverage(fresh, drawn[: len(fresh)]),
    }


PEERS = ["now", "by hand", "CTGAN", "now, as images"]


def peers(args, seed, name, dataset):
    """Train skgal's GAN or a peer on a table, and compare with fresh rows."""
    if name == "now":
        return tables(args, seed, name, dataset)
    X, fresh = TABLES[dataset](seed)
    if name == "now, as images":
        return as_images(X, fresh, seed) if dataset.startswith("1,500 digits") else None
    return {"by hand": by_hand, "CTGAN": ctgan}[name](X, fresh, seed)


def as_images(X, fresh, seed):
    """Train on rows of 64 pixels as images of 8x8."""
    X = X.reshape(-1, 1, 8, 8)
    GAN(max_iter=1).fit(X[:60])
    start = time.process_time()
    gan = GAN(random_state=seed).fit(X)
    seconds = time.process_time() - start
    drawn = gan.sample(2000, random_state=seed).reshape(2000, -1)
    return compare(X.reshape(len(X), -1), fresh, drawn, seconds)


def by_hand(X, fresh, seed, latent_dim=64, batch_size=64):
    """Train as a PyTorch user would write it out: networks, loss, penalty and updates of "now"."""
    is_narrow = X.shape[1] <= 16
    units, n_updates = (128, 1500) if is_narrow else (256, 2500)
    rng = torch.Generator().manual_seed(seed)
    start = time.process_time()
    low, span = X.min(axis=0), np.where(np.ptp(X, axis=0) > 0, np.ptp(X, axis=0), 1)
    data = torch.as_tensor((2 * (X - low) / span - 1).astype(np.float32))
    torch.manual_seed(seed)
    networks = Dense(hidden=(units, units))
    generator = networks.make_generator(latent_dim, X.shape[1:])
    critic = networks.make_critic(X.shape[1:])
    average = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.995))
    adam = {"lr": 5e-4, "betas": (0.5, 0.9), "fused": True}
    of_generator = torch.optim.Adam(generator.parameters(), **adam)
    of_critic = torch.optim.Adam(critic.parameters(), **adam)
    for _ in range(n_updates):
        real = data[torch.randint(len(data), (batch_size,), generator=rng)]
        with torch.no_grad():
            fake = generator(torch.randn(batch_size, latent_dim, generator=rng))
        loss = softplus(-critic(real)).mean() + softplus(critic(fake)).mean()
        mix = torch.rand(batch_size, 1, generator=rng)
        between = (mix * real + (1 - mix) * fake).requires_grad_()
        (slope,) = autograd.grad(critic(between).sum(), between, create_graph=True)
        loss = loss + slope.square().sum(dim=1).mean()
        of_critic.zero_grad()
        loss.backward()
        of_critic.step()
        loss = softplus(-critic(generator(torch.randn(batch_size, latent_dim, generator=rng))))
        of_generator.zero_grad()
        loss.mean().backward()
        of_generator.step()
        average.update_parameters(generator)
    seconds = time.process_time() - start
    with torch.no_grad():
        drawn = average(torch.randn(2000, latent_dim, generator=rng)).double().numpy()
    return compare(X, fresh, (drawn + 1) / 2 * span + low, seconds)


def ctgan(X, fresh, seed):
    """Have another interpreter train CTGAN; None where none is named."""
    if "CTGAN_PYTHON" not in os.environ:
        return None
    train = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    drawn, took = fit_ctgan("CTGAN", train, seed, os.environ["CTGAN_PYTHON"], 300, n_rows=2000)
    return compare(X, fresh, drawn.to_numpy(), took["seconds"])


IMAGES_OF_SIMULATORS = {"conduction": make_conduction, "stenosis": make_stenosis}


def inversion(args, seed, name, dataset):
    """Train a GIN on 120 images, restore fresh ones, draw."""
    bunch = IMAGES_OF_SIMULATORS[dataset](120, n_test=1000, size=16, random_state=seed)
    fresh = bunch.X_test
    GIN(max_iter=1).fit(bunch.X)
    start = time.process_time()
    gin = GIN(random_state=seed, **INVERSION_ARMS[name]).fit(bunch.X)
    seconds = time.process_time() - start
    codes = gin.transform(fresh)
    error = np.square(gin.inverse_transform(codes) - fresh).sum()
    drawn = gin.sample(1000, random_state=seed)
    latent = gin.sample_latent(1000, random_state=seed)
    restored = gin.transform(gin.generate(latent))
    return {
        "seconds": seconds,
        "r2": 1 - error / np.square(fresh - bunch.X.mean(axis=0)).sum(),
        "energy": energy_distance(drawn.reshape(1000, -1), fresh.reshape(1000, -1)),
        "latent_rmse": np.sqrt(np.square(restored - latent).mean()),
        "code_energy": energy_distance(codes, latent),
    }


EXPERIMENTS = {
    "images": (images, ["fashion_mnist", "mnist", "cifar10"], IMAGE_ARMS),
    "tables": (tables, list(TABLES), TABLE_ARMS),
    "peers": (peers, list(TABLES), PEERS),
    "inversion": (inversion, list(IMAGES_OF_SIMULATORS), INVERSION_ARMS),
}


def summarize(runs):
    """Return mean and standard deviation of each score, by experiment, data and arm."""
    grouped = {}
    for key, scores in runs.items():
        experiment, dataset, arm, _ = key.split(" | ")
        rows = grouped.setdefault(experiment, {}).setdefault(dataset, {}).setdefault(arm, [])
        rows.append(scores)
    for by_dataset in grouped.values():
        for by_arm in by_dataset.values():
            for arm, rows in by_arm.items():
                columns = {name: [row[name] for row in rows] for name in rows[0]}
                by_arm[arm] = {
                    name: [float(np.mean(column)), float(np.std(column, ddof=len(column) > 1))]
                    for name, column in columns.items()
                }
    return grouped


def main():
    """Run what is missing; rewrite the report after each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", nargs="+", default=list(EXPERIMENTS), choices=EXPERIMENTS)
    parser.add_argument("--datasets", nargs="+", default=None)
    parser.add_argument("--arms", nargs="+", default=None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=45, help="of the processor, on images")
    parser.add_argument("--n-train", type=int, default=5000)
    parser.add_argument("--n-drawn", type=int, default=2000)
    parser.add_argument("--grids", type=Path, default=None, help="folder for drawn images")
    default_output = Path("benchmarks/results/generator_defaults.json")
    parser.add_argument("--output", type=Path, default=default_output)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    settings = {name: getattr(args, name) for name in ("seconds", "n_train", "n_drawn")}
    report = ReportFile(args.output, settings, [torch, sklearn])
    runs = report.read_runs()
    for experiment in args.experiments:
        measure_arm, datasets, arms = EXPERIMENTS[experiment]
        datasets = [name for name in datasets if args.datasets is None or name in args.datasets]
        arms = [name for name in arms if args.arms is None or name in args.arms]
        for dataset, seed, arm in itertools.product(datasets, args.seeds, arms):
            key = " | ".join([experiment, dataset, arm, str(seed)])
            if key not in runs:
                scores = measure_arm(args, seed, arm, dataset)
                if scores is None:
                    continue
                runs[key] = scores
                print(key, {name: round(value, 3) for name, value in runs[key].items()}, flush=True)
                report.write(runs, summary=summarize(runs))


if __name__ == "__main__":
    main()
