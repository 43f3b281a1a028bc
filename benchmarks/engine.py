"""Updates per second of processor time of ``GAN.fit`` against a loop written by hand in PyTorch.

Both train the same networks on the same data with the same Wasserstein objective, penalty,
fused Adam, batch size, critic steps and moving average; the loop is what an experienced PyTorch
user writes: data on the device, batches by indexing, no progress report. The two alternate in
one run, so that what else the machine does hits both. Two ratios: of the updates alone, and of
the whole ``GAN.fit``, whose set-up and final batch-norm statistics weigh less the longer it is.

    python benchmarks/engine.py
"""

import argparse
import json
import statistics
import sys
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import skorch
import torch
from skorch.callbacks import Callback
from torch import autograd
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from skgal.generators import GAN
from skgal.nn import DCGAN, Dense
from skgal.utils import seeded_torch

BATCH_SIZE, CRITIC_ITER, LATENT_DIM, LEARNING_RATE, EMA_DECAY = 64, 2, 16, 3e-4, 0.995
CASES = {
    "8x8 dense": {
        "shape": (1, 8, 8),
        "architecture": Dense(),
        "n_updates": 300,
        "repeats": 9,
    },
    "28x28 convolutional": {
        "shape": (1, 28, 28),
        "architecture": DCGAN(),
        "n_updates": 30,
        "repeats": 5,
    },
}


class Stopwatch(Callback):
    """Processor time of the updates alone."""

    seconds = 0.0

    def on_epoch_begin(self, net, **kwargs):
        self._started = time.process_time()

    def on_epoch_end(self, net, **kwargs):
        self.seconds += time.process_time() - self._started


def run_skgal(X, architecture, n_updates, penalty):
    """Return seconds of ``n_updates`` updates inside ``GAN.fit``, and of all of it."""
    started, watch = time.process_time(), Stopwatch()
    GAN(
        latent_dim=LATENT_DIM,
        latent="uniform",
        architecture=architecture,
        objective="wasserstein",
        penalty=penalty,
        batch_size=BATCH_SIZE,
        critic_iter=CRITIC_ITER,
        learning_rate=LEARNING_RATE,
        ema_decay=EMA_DECAY,
        augment=None,
        max_iter=n_updates,
        device="cpu",
        random_state=0,
        callbacks=[watch],
    ).fit(X)
    return watch.seconds, time.process_time() - started


def run_by_hand(X, architecture, n_updates, penalty):
    """Return seconds of ``n_updates`` updates of a hand-written WGAN(-GP), and of all of it."""
    set_up = time.process_time()
    data = torch.as_tensor(X)
    with seeded_torch(0):
        generator = architecture.make_generator(LATENT_DIM, X.shape[1:])
        critic = architecture.make_critic(X.shape[1:])
    average = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY))
    settings = {"lr": LEARNING_RATE, "betas": (0.5, 0.9), "fused": True}
    generator_optimizer = torch.optim.Adam(generator.parameters(), **settings)
    critic_optimizer = torch.optim.Adam(critic.parameters(), **settings)
    rng = torch.Generator().manual_seed(0)

    def latent():
        return torch.rand(BATCH_SIZE, LATENT_DIM, generator=rng) * 2 - 1

    started = time.process_time()
    for _ in range(n_updates):
        for _ in range(CRITIC_ITER):
            real = data[torch.randint(len(data), (BATCH_SIZE,), generator=rng)]
            with torch.no_grad():
                fake = generator(latent())
            loss = critic(fake).mean() - critic(real).mean()
            if penalty == "gradient_penalty":
                mix = torch.rand(BATCH_SIZE, *[1] * (data.ndim - 1), generator=rng)
                between = (mix * real + (1 - mix) * fake).requires_grad_()
                (slope,) = autograd.grad(critic(between).sum(), between, create_graph=True)
                loss = loss + 10 * ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
            critic_optimizer.zero_grad()
            loss.backward()
            critic_optimizer.step()
        loss = -critic(generator(latent())).mean()
        generator_optimizer.zero_grad()
        loss.backward()
        generator_optimizer.step()
        average.update_parameters(generator)
    ended = time.process_time()
    return ended - started, ended - set_up


def compare(shape, architecture, n_updates, repeats, penalty):
    """Alternate the two and return the ratios of updates per second, ours over theirs."""
    X = np.random.default_rng(0).uniform(-1, 1, size=(400, *shape)).astype(np.float32)
    rivals = {"skgal": run_skgal, "by hand": run_by_hand}
    for run in rivals.values():
        run(X, deepcopy(architecture), max(2, n_updates // 10), penalty)  # warm up
    ratios = {"updates": [], "whole fit": []}
    for repeat in range(repeats):
        order = list(rivals.items())[:: 1 if repeat % 2 else -1]
        seconds = {name: run(X, architecture, n_updates, penalty) for name, run in order}
        for part, ratio in enumerate(ratios.values()):
            ratio.append(seconds["by hand"][part] / seconds["skgal"][part])
    return {
        "n_updates": n_updates,
        "repeats": repeats,
        **{
            part: {
                "median": statistics.median(ratio),
                "quartiles": statistics.quantiles(ratio, n=4)[::2],
            }
            for part, ratio in ratios.items()
        },
    }


def main():
    """Compare all cases, print and write the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/engine.json"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    results = {}
    for name, case in CASES.items():
        for penalty in ("gradient_penalty", None):
            label = f"{name}, {penalty or 'no penalty'}"
            results[label] = compare(penalty=penalty, **case)
            for part in ("updates", "whole fit"):
                median, (low, high) = results[label][part].values()
                print(f"{label:40s} {part:10s} {median:.3f}  [{low:.3f}, {high:.3f}]", flush=True)
    report = {
        "command": "python " + " ".join(sys.argv),
        "what": "updates per second of GAN.fit divided by those of the hand-written loop",
        "versions": {"torch": torch.__version__, "skorch": skorch.__version__},
        "threads": args.threads,
        "results": results,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
