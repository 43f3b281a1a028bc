"""Updates per second of ``GAN.fit`` in bfloat16, divided by those in float32.

The same networks, data and seed; the two alternate in one run, so that what else the machine does
hits both. Large networks are for a GPU and left out without one.

    python benchmarks/precision.py --device cuda
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import numpy as np
import torch

from skgal.generators import GAN
from skgal.nn import DCGAN, BigGAN, Dense, Residual, resolve_device

PRECISIONS = ("float32", "bfloat16")
SMALL = {
    "dense, 8x8": ((1, 8, 8), Dense(), 100),
    "DCGAN, 28x28": ((1, 28, 28), DCGAN(), 5),
    "Residual(width=16), 28x28": ((1, 28, 28), Residual(width=16), 3),
    "BigGAN(width=16), 32x32 colour": ((3, 32, 32), BigGAN(width=16), 3),
}
LARGE = {
    "DCGAN(width=128), 64x64 colour": ((3, 64, 64), DCGAN(width=128), 50),
    "Residual(width=128), 32x32 colour": ((3, 32, 32), Residual(width=128), 50),
    "BigGAN(), 32x32 colour": ((3, 32, 32), BigGAN(), 50),
}


def seconds_of(precision, X, architecture, n_updates, penalty, device):
    """Return seconds of ``n_updates`` updates inside ``GAN.fit``."""
    gan = GAN(
        architecture=architecture,
        penalty=penalty,
        max_iter=n_updates,
        device=device,
        precision=precision,
        random_state=0,
    ).fit(X)
    return sum(row["dur"] for row in gan.history_)


def compare(shape, architecture, n_updates, repeats, penalty, device):
    """Alternate the two and return the ratios of updates per second."""
    X = np.random.default_rng(0).uniform(-1, 1, size=(400, *shape)).astype(np.float32)
    ratios = []
    for repeat in range(-1, repeats):
        order = PRECISIONS[:: 1 if repeat % 2 else -1]
        seconds = {p: seconds_of(p, X, architecture, n_updates, penalty, device) for p in order}
        if repeat >= 0:  # the first round warms up
            ratios.append(seconds["float32"] / seconds["bfloat16"])
    return {
        "n_updates": n_updates,
        "median": statistics.median(ratios),
        "quartiles": statistics.quantiles(ratios, n=4)[::2],
    }


def main():
    """Compare all networks, print and write the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/precision.json"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = resolve_device(args.device)

    report = {
        "command": "python " + " ".join(sys.argv),
        "what": "updates per second in bfloat16 divided by those in float32",
        "device": device if device == "cpu" else torch.cuda.get_device_name(device),
        "versions": {"torch": torch.__version__},
        "threads": args.threads,
        "repeats": args.repeats,
        "results": {},
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    for name, case in {**SMALL, **({} if device == "cpu" else LARGE)}.items():
        for penalty in ("spectral_norm", "gradient_penalty"):
            result = compare(*case, args.repeats, penalty, device)
            report["results"][f"{name}, {penalty}"] = result
            args.output.write_text(json.dumps(report, indent=1) + "\n")
            low, high = result["quartiles"]
            print(f"{name:36s} {penalty:18s} {result['median']:.2f}  [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
