"""ALCG: does a conditional GAN learn more from the labels that it is surest of?

Algorithm 1 of the paper in small: an ACGAN is the model of an ActiveLearner, ``warm_start`` has its
networks go on from round to round, CertaintySampling chooses. Each round's generator draws as many
images as there are held out, of the same classes; Frechet and kernel distance are between the
features of a classifier of other training images, which also gives inception score and GAN-test.
Arms of a seed share the first labels and the first weights. The smallest setting takes minutes:

    python benchmarks/alcg.py --dataset digits --initial 50 --batch-size 50 --budget 250 \
        --updates 200 --architecture dense
    python benchmarks/alcg.py --dataset mnist --updates 150

CIFAR-10 wants a graphics card, which is used where there is one:

    python benchmarks/alcg.py --dataset cifar10 --initial 1000 --batch-size 1000 --budget 5000 \
        --updates 2000 --architecture residual

An arm is a choice of labels and how many candidates adversarial sampling has for each generated
sample of an update ("4": the paper's; "1": none). Cells that the output holds are not run again.
"""

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import sklearn
import torch
from report import ReportFile
from skorch import NeuralNetClassifier

from skgal import ACGAN, ActiveLearner, CertaintySampling, RandomSampling, UncertaintySampling
from skgal.datasets import load_images
from skgal.generators import GenerationScorer
from skgal.nn import ConvClassifier, resolve_device
from skgal.utils import seeded_torch

# Images of the pool, held-out test images, and the classifier's training images and epochs.
SIZES = {
    "digits": (1000, 360, 437, 40),
    "mnist": (3000, 1000, 10_000, 3),
    "fashion_mnist": (3000, 1000, 10_000, 3),
    "cifar10": (20_000, 5000, 30_000, 10),
}
STRATEGIES = {
    "random": RandomSampling(),
    "most confidence": CertaintySampling("most_confidence"),
    "large margin": CertaintySampling("large_margin"),
    "least entropy": CertaintySampling("least_entropy"),
    "uncertainty": UncertaintySampling("entropy"),
}
VARIANTS = {  # of the paper, but for steps of Adam and widths
    "default": {},
    "DCGAN": {"objective": "minimax", "penalty": None},
    "SNGAN": {"objective": "hinge", "penalty": "spectral_norm"},
    "WGAN-GP": {"objective": "wasserstein", "penalty": "gradient_penalty", "critic_iter": 5},
}
SCORES = ["neg_frechet_distance", "neg_kernel_distance", "inception_score", "gan_test"]
BASELINE = "random, 4"


def train_classifier(X, y, n_epochs):
    """Train the classifier in whose features images are compared."""
    net = NeuralNetClassifier(
        ConvClassifier,
        module__image_shape=X.shape[1:],
        module__n_classes=10,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=n_epochs,
        train_split=None,
        verbose=0,
        device=resolve_device("auto"),
    )
    with seeded_torch(0):
        return net.fit(X, y)


def run(args, arm, seed, data, scorer):
    """Label round after round; return the scores of each round's generator."""
    strategy, gamma = arm.rsplit(", ", 1)
    X, y, X_val, y_val = data
    acgan = ACGAN(
        adversarial_sampling=int(gamma),
        architecture=args.architecture,
        max_iter=args.updates,
        warm_start=True,
        **VARIANTS[args.variant],
    )
    learner = ActiveLearner(
        acgan,
        STRATEGIES[strategy],
        n_initial=args.initial,
        batch_size=args.batch_size,
        budget=args.budget - args.initial,
        scoring=scorer,
        random_state=seed,
    )
    start = process_time()
    learner.fit(X, y, X_val=X_val, y_val=y_val)
    history = learner.history_
    return {
        "n_labels": [row["n_labels"] for row in history],
        "accuracy": [round(row["score"], 4) for row in history],
        **{name: [round(float(row[name]), 4) for row in history] for name in SCORES},
        "fewest labels of a class": min(history[-1]["label_counts"].values()),
        "CPU seconds": round(process_time() - start, 1),
    }


def summarize(cells):
    """Return each arm's scores by number of labels, and those of the last round minus random's."""
    arms = {}
    for key, cell in cells.items():
        setting, arm, seed = key.split(" | ")
        arms.setdefault((setting, arm), {})[seed] = cell
    summary = {}
    for (setting, arm), seeds in arms.items():
        report = {"n_seeds": len(seeds)}
        paired = arms.get((setting, BASELINE), {})
        both = [seed for seed in seeds if seed in paired and arm != BASELINE]
        for name in [*SCORES, "accuracy"]:
            curves = np.array([cell[name] for cell in seeds.values()])
            report[name] = curves.mean(axis=0).round(3).tolist()
            if both:
                gains = np.array([seeds[s][name][-1] - paired[s][name][-1] for s in both])
                error = gains.std(ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else None
                report[f"{name}, minus {BASELINE}"] = [
                    round(float(gains.mean()), 3),
                    error if error is None else round(float(error), 3),
                    f"higher in {(gains > 0).sum()} of {len(gains)}",
                ]
        report["fewest labels of a class"] = [
            cell["fewest labels of a class"] for cell in seeds.values()
        ]
        summary[f"{setting} | {arm}"] = report
    return summary


def main():
    """Run the cells that are missing, and print the differences from random."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=SIZES, default="mnist")
    parser.add_argument(
        "--arms",
        nargs="+",
        default=["random, 4", "most confidence, 4", "uncertainty, 4", "random, 1"],
        help="such as 'large margin, 4'",
    )
    parser.add_argument("--variant", choices=VARIANTS, default="default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--initial", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--updates", type=int, default=100, help="in each round")
    parser.add_argument("--architecture", choices=["dense", "dcgan", "residual"], default="dcgan")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/alcg.json"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    X, y = load_images(args.dataset, subset="train", return_X_y=True)
    held_out = load_images(args.dataset, subset="test", return_X_y=True)
    n_pool, n_held_out, n_others, n_epochs = SIZES[args.dataset]
    data = X[:n_pool], y[:n_pool], *(part[:n_held_out] for part in held_out)
    classifier = train_classifier(X[-n_others:], y[-n_others:].astype(np.int64), n_epochs)
    print("accuracy of the classifier:", classifier.score(data[2], data[3]), flush=True)
    scorer = GenerationScorer(classifier, scores=SCORES)
    report = ReportFile(args.output, {}, [np, sklearn, torch])
    cells = report.read_runs()
    setting = (
        f"{args.dataset}, {args.variant}, {args.initial} to {args.budget} labels, "
        f"{args.updates} updates a round, {args.architecture}"
    )
    for seed in args.seeds:
        for arm in args.arms:
            key = f"{setting} | {arm} | {seed}"
            if key in cells:
                continue
            cells[key] = run(args, arm, seed, data, scorer)
            report.write(cells, summary=summarize(cells))
            print(key, cells[key], flush=True)
    for name, of_arm in summarize(cells).items():
        print(name, of_arm.get(f"neg_frechet_distance, minus {BASELINE}"))


if __name__ == "__main__":
    main()
