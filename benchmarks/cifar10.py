"""BigGAN's and SNGAN's settings on CIFAR-10 at 32x32: the curves of both players' losses.

The conditional BigGAN setting (hinge loss, projection critic, self-attention, conditional batch
normalisation, spectral normalisation) and SNGAN's residual networks (hinge loss, spectral
normalisation), each trained on all 50,000 images for some updates. What is written after every
window of updates: the mean losses of the window. At the end: the critic's mean loss over the last
20 updates beside its loss on its first batch, untrained, and the mean over the first 20 updates.

On a GPU the widths, batch sizes and numbers of critic steps are the papers'; a processor needs
smaller ones.

    python benchmarks/cifar10.py --updates 200 --device auto
    python benchmarks/cifar10.py --updates 200 --device cpu --width 32 --batch-size 16 \
        --critic-iter 1
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback

from skgal.datasets import load_images
from skgal.generators import CGAN, GAN
from skgal.nn import BigGAN, Residual, resolve_device

# Updates at either end over which the critic's loss is compared.
N_ENDS = 20


def make_biggan(width, **settings):
    """Conditional, with self-attention; Brock et al. 2019, appendix B, for CIFAR-10."""
    papers = {"batch_size": 50, "critic_iter": 4}
    return CGAN(
        architecture=BigGAN(width=width or 256),
        conditioning="projection",
        objective="hinge",
        penalty="spectral_norm",
        latent_dim=128,
        learning_rate=2e-4,
        augment="flip",
        **papers | settings,
    )


def make_sngan(width, **settings):
    """Residual networks without classes; Miyato et al. 2018, table 4 and section 4."""
    papers = {"batch_size": 64, "critic_iter": 5}
    return GAN(
        architecture=Residual(width=width or 128),
        objective="hinge",
        penalty="spectral_norm",
        latent_dim=128,
        learning_rate=2e-4,
        augment=None,
        **papers | settings,
    )


SETTINGS = {"biggan": make_biggan, "sngan": make_sngan}


class Curves(Callback):
    """Remember the losses of every update, and report them after every window."""

    def __init__(self, window, report):
        self.window = window
        self.report = report
        self.losses = {"critic_loss": [], "generator_loss": []}

    def on_train_begin(self, net, **kwargs):
        self.start = time.perf_counter()
        game, self.untrained = net.module_, []
        compute = game.critic_loss

        def compute_and_remember(batch):
            loss = compute(batch)
            if not self.untrained:
                self.untrained.append(loss.detach())
                del game.critic_loss  # the method again
            return loss

        game.critic_loss = compute_and_remember

    def on_batch_end(self, net, critic_loss, generator_loss, **kwargs):
        self.losses["critic_loss"].append(critic_loss)
        self.losses["generator_loss"].append(generator_loss)
        if len(self.losses["critic_loss"]) % self.window == 0:
            self.report(self.summarize())

    def on_train_end(self, net, **kwargs):
        if len(self.losses["critic_loss"]) % self.window:
            self.report(self.summarize())

    def summarize(self):
        """Return the curves so far."""
        # Numbers only now: on a GPU a loss that is read is waited for.
        losses = {name: [float(loss) for loss in values] for name, values in self.losses.items()}
        critic = losses["critic_loss"]
        ends = [statistics.mean(part) for part in (critic[:N_ENDS], critic[-N_ENDS:])]
        windows = range(0, len(critic), self.window)
        return {
            "updates": len(critic),
            "seconds_per_update": (time.perf_counter() - self.start) / len(critic),
            "curves": [
                {
                    "updates": min(start + self.window, len(critic)),
                    **{
                        name: statistics.mean(values[start : start + self.window])
                        for name, values in losses.items()
                    },
                }
                for start in windows
            ],
            "critic_loss_untrained": float(self.untrained[0]),
            "critic_loss_at_first": ends[0],
            "critic_loss_at_last": ends[1],
        }


def train(name, args, X, y, report):
    """Train one setting; report its curves as they grow, and what it draws."""
    asked = {
        key: value
        for key, value in {"batch_size": args.batch_size, "critic_iter": args.critic_iter}.items()
        if value is not None
    }
    generator = SETTINGS[name](
        args.width,
        max_iter=args.updates,
        device=args.device,
        random_state=args.seed,
        **asked,
    )
    described = repr(generator)
    generator.set_params(callbacks=[Curves(args.window, report)]).fit(X, y)
    samples = generator.sample(64, random_state=0)
    samples = samples[0] if isinstance(samples, tuple) else samples
    return {
        "generator": described,
        "samples_are_pixels": samples.dtype == np.uint8 and samples.shape[1:] == (3, 32, 32),
        "deviation_of_samples_relative_to_images": float(samples.std() / X[:10_000].std()),
    }


def main():
    """Train the settings that are asked for; write the curves as they grow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--width", type=int, help="of all layers; by default the papers'")
    parser.add_argument("--batch-size", type=int, help="by default the papers'")
    parser.add_argument("--critic-iter", type=int, help="by default the papers'")
    parser.add_argument("--window", type=int, default=10, help="updates a point of the curves")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/cifar10.json"))
    args = parser.parse_args()

    device = resolve_device(args.device)
    if device == "cpu":
        torch.set_num_threads(1)
    X, y = load_images("cifar10", subset="train", return_X_y=True)
    report = {
        "command": shlex.join(["python", *sys.argv]),
        "versions": {"torch": torch.__version__},
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu, one thread",
        "n_images": len(X),
        "results": {},
    }
    for name in args.settings:
        entry = report["results"].setdefault(name, {})

        def write(curves, entry=entry, name=name):
            entry.update(curves)
            last = curves["curves"][-1]
            print(name, {key: round(value, 3) for key, value in last.items()}, flush=True)
            args.output.parent.mkdir(parents=True, exist_ok=True)
            args.output.write_text(json.dumps(report, indent=1) + "\n")

        entry.update(train(name, args, X, y, write))
        args.output.write_text(json.dumps(report, indent=1) + "\n")
        print(name, {key: value for key, value in entry.items() if key != "curves"}, flush=True)


if __name__ == "__main__":
    main()
