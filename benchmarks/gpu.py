"""What a graphics card brings: one run of under ten minutes, one file; an error if a part fails.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --device cpu --toy --output toy.json

Its parts, in order; each is on disk as soon as it is done, and the last takes what time is left:

- ``tests``: the tests marked ``cuda``. On a card all of them must run and pass.
- ``training``: updates per second of ``GAN.fit`` over those of an eager loop written by hand, both
  in float32, and of ``GAN.fit`` in bfloat16 over itself in float32: the WGAN-GP of 28x28 images of
  ASAL, table 5; SNGAN's residual networks at 32x32; dense networks. skgal does not capture its
  updates as a CUDA graph, so there is no ratio for that; the file says so.
- ``queries``: a scan of a pool by entropy and the latent search of GAAL, which is ASAL's, with the
  networks on the device and on the CPU; support points, which are NumPy and use the CPU only.
- ``cifar10``: SNGAN and the conditional BigGAN at the papers' settings, for half of the time left
  each, with the Fréchet distance between as many generated images and test images by the seconds of
  training so far: in the features of a small classifier trained on the training images here, so
  the numbers compare with one another and with nothing published.

The file is not called ``cuda.py``, as torch would import it in place of NVIDIA's package.

With ``--toy`` everything is so small that it takes seconds on a CPU, images are noise, and the
numbers mean nothing: it shows that the script runs.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from cifar10 import SETTINGS
from query_models import Table5
from sklearn.frozen import FrozenEstimator
from skorch import NeuralNetClassifier
from torch import autograd, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from skgal.datasets import load_images
from skgal.design import support_points
from skgal.exceptions import ModeCollapseWarning
from skgal.features import feature_extractor
from skgal.generators import GAN
from skgal.metrics import frechet_distance
from skgal.nn import Dense, Residual, resolve_device
from skgal.query import GAAL, UncertaintySampling
from skgal.utils import seeded_torch

ROOT = Path(__file__).parents[1]
LATENT_DIM, LEARNING_RATE, EMA_DECAY = 128, 2e-4, 0.995


def run_tests(args):
    """Run the tests that need a card; without one they are skipped, and the counts say so."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "tests/generators/test_gpu.py"]
    if args.toy:
        command.append("--collect-only")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    *_, last = done.stdout.strip().splitlines() or [""]
    if done.returncode or (args.device != "cpu" and "skipped" in last):
        sys.exit(f"The CUDA tests failed:\n{done.stdout}\n{done.stderr}")
    return {"summary": last}


# Shape, architecture, penalty, critic steps, updates.
TRAININGS = {
    "WGAN-GP 28x28": ((1, 28, 28), Table5(), "gradient_penalty", 5, 100),
    "SNGAN 32x32": ((3, 32, 32), Residual(width=128), "spectral_norm", 5, 30),
    "dense 8x8": ((1, 8, 8), Dense(), "gradient_penalty", 5, 200),
}
TOY_TRAININGS = {
    "WGAN-GP 28x28": ((1, 28, 28), Table5(), "gradient_penalty", 1, 2),
    "SNGAN 32x32": ((3, 32, 32), Residual(width=8), "spectral_norm", 1, 2),
    "dense 8x8": ((1, 8, 8), Dense(), "gradient_penalty", 1, 2),
}


def compare_training(args, shape, architecture, penalty, critic_iter, n_updates):
    """Alternate the three trainings; return the ratios of updates per second."""
    X = np.random.default_rng(0).uniform(-1, 1, size=(max(64, n_updates), *shape))
    X = X.astype(np.float32)
    batch_size = 8 if args.toy else 64

    def ours(n, precision="float32"):
        gan = GAN(
            latent_dim=LATENT_DIM,
            architecture=deepcopy(architecture),
            objective="hinge" if penalty == "spectral_norm" else "wasserstein",
            penalty=penalty,
            batch_size=batch_size,
            critic_iter=critic_iter,
            learning_rate=LEARNING_RATE,
            ema_decay=EMA_DECAY,
            augment=None,
            max_iter=n,
            device=args.device,
            precision=precision,
            random_state=0,
        ).fit(X)
        return sum(row["dur"] for row in gan.history_)

    def by_hand(n):
        return train_by_hand(
            X, deepcopy(architecture), penalty, critic_iter, n, batch_size, args.device
        )

    runs = {"by hand": by_hand, "ours": ours, "bfloat16": lambda n: ours(n, "bfloat16")}
    seconds = {name: [] for name in runs}
    for run in runs.values():
        run(2)  # the first updates choose algorithms
    for repeat in range(1 if args.toy else 3):
        for name, run in list(runs.items())[:: -1 if repeat % 2 else 1]:
            seconds[name].append(run(n_updates))

    def ratio(over, under):
        pairs = zip(seconds[over], seconds[under], strict=True)
        return statistics.median(a / b for a, b in pairs)

    return {
        "updates per second": n_updates / statistics.median(seconds["ours"]),
        "ours / by hand": ratio("by hand", "ours"),
        "bfloat16 / float32": ratio("ours", "bfloat16"),
        "captured CUDA graph / by hand": None,
    }


def train_by_hand(X, architecture, penalty, critic_iter, n_updates, batch_size, device):
    """Train as an experienced PyTorch user would, eagerly; return the seconds of the updates."""
    data = torch.as_tensor(X, device=device)
    with seeded_torch(0):
        generator = architecture.make_generator(LATENT_DIM, X.shape[1:]).to(device)
        critic = architecture.make_critic(X.shape[1:]).to(device)
    if penalty == "spectral_norm":
        for layer in list(critic.modules()):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                spectral_norm(layer)
    average = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY))
    settings = {"lr": LEARNING_RATE, "betas": (0.5, 0.9), "fused": True}
    of_generator = torch.optim.Adam(generator.parameters(), **settings)
    of_critic = torch.optim.Adam(critic.parameters(), **settings)
    rng = torch.Generator(device).manual_seed(0)

    def fakes():
        return generator(torch.randn(batch_size, LATENT_DIM, generator=rng, device=device))

    def loss_of_critic():
        rows = torch.randint(len(data), (batch_size,), generator=rng, device=device)
        real = data[rows]
        with torch.no_grad():
            fake = fakes()
        if penalty == "spectral_norm":
            return (1 - critic(real)).relu().mean() + (1 + critic(fake)).relu().mean()
        mix = torch.rand(batch_size, *[1] * (data.ndim - 1), generator=rng, device=device)
        between = (mix * real + (1 - mix) * fake).requires_grad_()
        (slope,) = autograd.grad(critic(between).sum(), between, create_graph=True)
        slopes = (slope.flatten(1).norm(dim=1) - 1) ** 2
        return critic(fake).mean() - critic(real).mean() + 10 * slopes.mean()

    synchronize(device)
    start = time.perf_counter()
    for _ in range(n_updates):
        for _ in range(critic_iter):
            loss = loss_of_critic()
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
        loss = -critic(fakes()).mean()
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()
        average.update_parameters(generator)
    synchronize(device)
    return time.perf_counter() - start


def synchronize(device):
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def make_classifier(device, n_epochs):
    """Make a small classifier of byte images (3, 32, 32); its features measure distances."""

    class Pixels(nn.Module):
        def forward(self, X):
            return X.float() / 127.5 - 1

    layers = [Pixels()]
    for wide_in, wide_out in ((3, 64), (64, 128), (128, 256)):
        layers += [nn.Conv2d(wide_in, wide_out, 3, padding=1), nn.BatchNorm2d(wide_out)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 64), nn.ReLU(), nn.Linear(64, 10))
    return NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        max_epochs=n_epochs,
        batch_size=256,
        train_split=None,
        classes=np.arange(10),
        device=device,
        verbose=0,
    )


def load_cifar10(args):
    """Return training images and classes, and test images; noise for a toy."""
    if args.toy:
        rng = np.random.default_rng(0)
        X = rng.integers(256, size=(200, 3, 32, 32), dtype=np.uint8)
        return X[:100], np.arange(100) % 10, X[100:]
    X, y = load_images("cifar10", subset="train", return_X_y=True)
    return X, np.asarray(y, dtype=np.int64), load_images("cifar10", subset="test").images


def time_queries(args, X, y, clf):
    """Seconds of a scan and of a latent search, by device, and of support points."""
    generator = SETTINGS["sngan"](
        8 if args.toy else None, max_iter=2, device=args.device, random_state=0
    ).set_params(critic_iter=1, batch_size=8)
    generator.fit(X[:100])
    n_labelled = 20
    labels = np.where(np.arange(len(X)) < n_labelled, y, np.nan)
    scan = UncertaintySampling("entropy", random_state=0)
    seconds = {}
    for device in dict.fromkeys([args.device, "cpu"]):
        put(generator, clf, device)
        n_scan = 100 if args.toy else (len(X) if device != "cpu" else 2000)
        n_search = 4 if args.toy else (256 if device != "cpu" else 16)
        search = GAAL(FrozenEstimator(generator), search="gradient", max_iter=3 if args.toy else 50)
        search.fit(X[:100])
        seconds[device] = {
            "scan, milliseconds an image": 1e3
            / n_scan
            * clock(device, scan.query, X[:n_scan], labels[:n_scan], clf, batch_size=10),
            "latent search, milliseconds a design": 1e3
            / n_search
            * clock(device, search.synthesize, X[:100], labels[:100], clf, batch_size=n_search),
        }
    put(generator, clf, args.device)
    candidates = np.random.default_rng(0).uniform(-1, 1, size=(200 if args.toy else 10_000, 6))
    n_points = 5 if args.toy else 100
    seconds["support points, seconds on the CPU"] = clock(
        "cpu", support_points, n_points, candidates, random_state=0, max_iter=50
    )
    return seconds


def put(generator, clf, device):
    """Move what has been trained to a device."""
    generator.set_params(device=device)
    generator.net_.set_params(device=device)
    generator.net_.module_.to(device)
    generator.net_.averages_.to(device)
    clf.set_params(device=device)
    clf.module_.to(device)


def clock(device, function, *args, **kwargs):
    """Return the seconds of the second call; the first one warms up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(*args, **kwargs)
        synchronize(device)
        start = time.perf_counter()
        function(*args, **kwargs)
        synchronize(device)
    return time.perf_counter() - start


def train_for(seconds, name, args, X, y, test_images, features):
    """Train a setting in slices for some seconds; return the distances by seconds of training."""
    n = len(test_images)
    real = features(test_images)
    other = features(X[:n])
    toy = {"batch_size": 8, "critic_iter": 1} if args.toy else {}
    generator = SETTINGS[name](
        8 if args.toy else None,
        max_iter=2 if args.toy else 50,
        device=args.device,
        precision=args.precision,
        random_state=0,
        **toy,
    ).set_params(warm_start=True)
    deadline, trained, updates, curve = time.monotonic() + seconds, 0.0, 0, []
    while not curve or time.monotonic() < deadline:
        start = time.monotonic()
        generator.fit(X, y)
        synchronize(args.device)
        trained += time.monotonic() - start
        updates += generator.max_iter
        drawn = generator.sample(n, random_state=0)
        drawn = drawn[0] if isinstance(drawn, tuple) else drawn
        distance = frechet_distance(real, features(drawn))
        if not np.isfinite(distance):
            sys.exit(f"{name}: the Fréchet distance became {distance}.")
        curve.append({"seconds": trained, "updates": updates, "frechet_distance": distance})
        print(name, curve[-1], flush=True)
        # An eighth of the time a slice.
        wanted = int(updates / trained * seconds / 8)
        generator.set_params(max_iter=max(1, 2 if args.toy else wanted))
    return {
        "settings": repr(generator),
        "frechet_distance of as many training images": frechet_distance(real, other),
        "curve": curve,
    }


def main():
    """Run the parts in order; write after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="float32", help="of the CIFAR-10 trainings")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--toy", action="store_true", help="everything tiny, in seconds on a CPU")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/gpu.json"))
    args = parser.parse_args()
    end = time.monotonic() + 60 * args.minutes
    args.device = resolve_device(args.device)
    is_gpu = torch.device(args.device).type == "cuda"
    if not is_gpu:
        torch.set_num_threads(1)
    report = {
        "command": shlex.join(["python", *sys.argv]),
        "device": torch.cuda.get_device_name() if is_gpu else "cpu",
        "versions": {"torch": torch.__version__, "cuda": torch.version.cuda},
        "not measured": "a captured CUDA graph: skgal's updates are eager",
        "seconds": {},
    }

    def done(part, result, start):
        report[part] = result
        report["seconds"][part] = time.monotonic() - start
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(report, indent=1) + "\n")
        print(part, result, flush=True)

    if args.toy:
        warnings.simplefilter("ignore", ModeCollapseWarning)
    start = time.monotonic()
    done("tests", run_tests(args), start)
    start, ratios = time.monotonic(), {}
    for name, case in (TOY_TRAININGS if args.toy else TRAININGS).items():
        ratios[name] = compare_training(args, *case)
        done("training", ratios, start)
    start = time.monotonic()
    X, y, test_images = load_cifar10(args)
    with seeded_torch(0):
        clf = make_classifier(args.device, 1 if args.toy else 6).fit(X, y)
    done("queries", time_queries(args, X, y, clf), start)
    start, curves, features = time.monotonic(), {}, feature_extractor("classifier", clf)
    for left, name in ((2, "sngan"), (1, "biggan")):
        share = 0 if args.toy else max(0, end - time.monotonic() - 10) / left
        curves[name] = train_for(share, name, args, X, y, test_images[:5000], features)
        done("cifar10", curves, start)


if __name__ == "__main__":
    main()
