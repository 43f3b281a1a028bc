"""Every generator at equal time on real images: quality, diversity, speed, memory.

Each generator has the networks of `DCGAN` (others: `generator_defaults.py`) and gets the same
seconds of processor time, in a process of its own, on the same training images. Its samples are
compared with test images in the features of one classifier, trained once on images that no
generator sees:

- ``frechet``: Fréchet distance (lower is better; ``floor`` is that of real images);
- ``recall``, ``coverage``: shares of the test images that could have been drawn, or have a
  generated one near by;
- ``gan_test``: share of samples that the classifier takes for the class they were drawn as
  (conditional generators only);
- ``updates_per_second`` of the processor's time, an autoencoder's included, for all of a
  generator's runs as ratios to the first generator's; ``peak_mib``.

    python benchmarks/generators.py --datasets mnist fashion_mnist --seconds 60 --seeds 0 1

What the output has, of the same settings, is not measured again.
"""

import argparse
import itertools
import json
import resource
import shlex
import statistics
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback

from skgal import generators
from skgal.classifiers import UpdatesLoader
from skgal.datasets import load_images
from skgal.features import penultimate_features
from skgal.metrics import coverage, frechet_distance, generative_recall
from skgal.nn import ConvClassifier
from skgal.training import StopTraining
from skgal.utils import seeded_nets, seeded_torch

GENERATORS = {
    "DCGAN": ("GAN", {"objective": "nonsaturating", "penalty": None}),
    "LSGAN": ("GAN", {"objective": "least_squares", "penalty": None}),
    "SNGAN": ("GAN", {}),
    "WGAN, clipped": ("GAN", {"objective": "wasserstein", "penalty": "weight_clip"}),
    "WGAN-GP": ("GAN", {"objective": "wasserstein", "penalty": "gradient_penalty"}),
    "GIN": ("GIN", {"latent_dim": 16, "encoder_max_iter": 1}),
    "BiGAN": ("BiGAN", {"latent_dim": 16}),
    "CGAN, projection": ("CGAN", {}),
    "CGAN, concatenation": ("CGAN", {"conditioning": "concatenation"}),
    "ACGAN": ("ACGAN", {}),
    "BAGAN": ("BAGAN", {}),
    "PolarityGAN": ("PolarityGAN", {}),
    "StackGAN": ("StackGAN", {}),
}


class Deadline(Callback):
    """Stop the training when the process has had its seconds, counted from now on.

    An autoencoder that is trained first has used up some of them.
    """

    def __init__(self, seconds):
        self.end = time.process_time() + seconds

    def on_epoch_end(self, net, **kwargs):
        if time.process_time() > self.end:
            raise StopTraining


def train_classifier(X, y, n_updates, seed):
    """Train the classifier in whose features images are compared."""
    net = NeuralNetClassifier(
        ConvClassifier,
        module__image_shape=X.shape[1:],
        module__n_classes=10,
        module__value_range=(0.0, 255.0),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=1,
        iterator_train=UpdatesLoader,
        iterator_train__batch_size=64,
        iterator_train__updates_per_epoch=n_updates,
        train_split=None,
        verbose=0,
    )
    with seeded_torch(seed):
        return net.fit(X, y)


def features(net, X):
    """The classifier's penultimate features."""
    with seeded_nets(net):
        return penultimate_features(net, np.asarray(X))


def measure(classifier, real, X, y):
    """Compare drawn samples with real features; y are the classes asked for, or None."""
    drawn = features(classifier, X)
    scores = {
        "frechet": frechet_distance(real, drawn),
        "recall": generative_recall(real, drawn),
        "coverage": coverage(real, drawn),
    }
    if y is not None:
        with seeded_nets(classifier):
            scores["gan_test"] = float(np.mean(classifier.predict(X) == y))
    return scores


def run(name, args, dataset, seed, classifier, real):
    """Train one generator for its seconds, and measure it. In a process of its own."""
    torch.set_num_threads(1)
    X, y = load_images(dataset, subset="train", return_X_y=True)
    X, _, y, _ = train_test_split(X, y, train_size=args.n_train, stratify=y, random_state=seed)
    cls, parameters = GENERATORS[name]
    generator = getattr(generators, cls)(
        max_iter=1_000_000,
        callbacks=[Deadline(args.seconds)],
        random_state=seed,
        **{"architecture": "dcgan", **parameters},
    ).fit(X, y)
    drawn = generator.sample(len(real), random_state=seed)
    samples, classes = drawn if isinstance(drawn, tuple) else (drawn, None)
    return {
        **measure(classifier, real, samples, classes),
        "updates": generator.n_iter_,
        "updates_per_second": generator.n_iter_ / args.seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def prepare(args, dataset):
    """Train the classifier on images that no generator sees; measure what real images score."""
    X, y = load_images(dataset, subset="test", return_X_y=True)
    X_fit, X_test, y_fit, _ = train_test_split(X, y, train_size=6000, stratify=y, random_state=0)
    classifier = train_classifier(X_fit, y_fit, args.classifier_updates, seed=0)
    real = features(classifier, X_test[: args.n_drawn])
    floor = measure(classifier, real, X_test[args.n_drawn : 2 * args.n_drawn], None)
    return classifier, real, floor


def summarize(rows):
    """Average over the seeds; speed as a ratio to the first generator's of the same seed."""
    first = {row["seed"]: row["updates_per_second"] for row in next(iter(rows.values()))}
    table = {}
    for name, runs in rows.items():
        columns = [key for key in runs[0] if key not in ("seed", "updates_per_second")]
        table[name] = {
            key: {
                "mean": statistics.mean(row[key] for row in runs),
                "sd": statistics.stdev(row[key] for row in runs) if len(runs) > 1 else None,
            }
            for key in columns
        }
        table[name]["relative_speed"] = statistics.median(
            row["updates_per_second"] / first[row["seed"]] for row in runs if row["seed"] in first
        )
    return table


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=["mnist", "fashion_mnist"])
    parser.add_argument("--generators", nargs="+", default=list(GENERATORS), choices=GENERATORS)
    parser.add_argument("--seconds", type=float, default=60, help="of processor time, for each")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--n-train", type=int, default=5000)
    parser.add_argument("--n-drawn", type=int, default=2000)
    parser.add_argument("--classifier-updates", type=int, default=1500)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/generators.json"))
    return parser.parse_args()


def read_report(path, settings):
    """Return the report of an earlier run with these settings, or an empty one."""
    empty = {"settings": settings, "results": {}}
    report = json.loads(path.read_text()) if path.exists() else empty
    return report if report["settings"] == settings else empty


def main():
    """Run all generators, data sets and seeds; write the table after each."""
    args = parse_arguments()
    torch.set_num_threads(1)
    names = ("seconds", "n_train", "n_drawn", "classifier_updates")
    report = read_report(args.output, {name: getattr(args, name) for name in names})
    report["command"] = shlex.join(["python", *sys.argv])
    report["versions"] = {"torch": torch.__version__}
    for dataset in args.datasets:
        classifier, real, floor = prepare(args, dataset)
        of_dataset = report["results"].setdefault(dataset, {"runs": {}})
        of_dataset["floor"] = floor
        for seed, name in itertools.product(args.seeds, args.generators):
            runs = of_dataset["runs"].setdefault(name, [])
            if seed in [row["seed"] for row in runs]:
                continue
            # A process for each, so that the peak of its memory is its own.
            with joblib.parallel_config("loky", inner_max_num_threads=1):
                (scores,) = joblib.Parallel(n_jobs=2)(
                    [joblib.delayed(run)(name, args, dataset, seed, classifier, real)]
                )
            joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
            runs.append({"seed": seed, **scores})
            print(dataset, seed, name, scores, flush=True)
            measured = {name: rows for name, rows in of_dataset["runs"].items() if rows}
            of_dataset["summary"] = summarize(measured)
            args.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
