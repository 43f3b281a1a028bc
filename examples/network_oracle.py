"""Few labelled images, and a trained network in place of the simulator or the specialist.

The set-up of the AISEL paper's section 5.1: a generative invertible network (GIN) learns from a few
labelled images, a strategy designs virtual images in its latent space, an oracle labels them,
and the classifier learns from real and virtual images together. The oracle is a classifier
trained on all the other training images.

    python examples/demo.py --dataset digits
    python examples/demo.py --dataset fashion_mnist --n-labelled 400 --n-queries 400

Labels that a network gives to poor images are poor: here designed images help little, and which
ones does not show. Where a simulator labels them they do: see demo.py.

The second line is the set-up of the AISEL paper on the real Fashion-MNIST, read from the folder
that SKGAL_DATA names or else fetched from openml.org; allow an hour on two cores.

Every classifier makes the same number of updates, so that arms differ in their data only.
"""

import argparse
import time
from functools import partial

import joblib
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler

from skgal import AISEL, GIN, ActiveLearner, EstimatorOracle, LatentRandom, LatentUncertainty
from skgal.classifiers import UpdatesLoader
from skgal.datasets import load_images
from skgal.inspection import LatentSpaceDisplay, ReconstructionDisplay, SamplesDisplay
from skgal.nn import ConvClassifier
from skgal.utils import seeded_torch

STRATEGIES = {
    "random": LatentRandom,
    "latent uncertainty": LatentUncertainty,
    "AISEL": AISEL,
}
N_EPOCHS = 10


def make_classifier(X, n_classes, *, n_updates, widths=(32, 64, 64)):
    """Build the classifier of the AISEL paper; its number of updates doesn't depend on the data.

    The learning rate is ten times the paper's, with cosine decay: the paper's own leaves the
    classifier short of what 400 images can teach it.
    """
    decay = LRScheduler(
        torch.optim.lr_scheduler.CosineAnnealingLR, T_max=n_updates, step_every="batch"
    )
    return NeuralNetClassifier(
        ConvClassifier,
        module__image_shape=X.shape[1:],
        module__n_classes=n_classes,
        module__widths=widths,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=1e-3,
        batch_size=64,
        max_epochs=N_EPOCHS,
        iterator_train=UpdatesLoader,
        iterator_train__updates_per_epoch=-(-n_updates // N_EPOCHS),
        train_split=None,
        callbacks=[("decay", decay)],
        verbose=0,
    )


def train_oracle(X, y, *, n_updates):
    """Train a wider classifier on plenty of labels."""
    oracle = make_classifier(X, len(np.unique(y)), n_updates=n_updates, widths=(64, 128, 128))
    with seeded_torch(0):
        return oracle.fit(X, y)


def fit_plain(classifier, X, y, seed):
    """Train a classifier on given labels, without a strategy."""
    with seeded_torch(seed):
        return classifier.fit(X, y)


def run(args, seed):
    """Run all arms for one draw of labelled images; return accuracies and the fitted parts."""
    torch.set_num_threads(1)  # the seeds run side by side
    X, y = load_images(args.dataset, subset="train", return_X_y=True)
    X_test, y_test = load_images(args.dataset, subset="test", return_X_y=True)
    X_few, X_rest, y_few, y_rest = train_test_split(
        X, y, train_size=args.n_labelled, stratify=y, random_state=seed
    )
    classifier = partial(make_classifier, X, len(np.unique(y)), n_updates=args.classifier_updates)
    oracle = train_oracle(X_rest, y_rest, n_updates=args.oracle_updates)
    gin = GIN(latent_dim=args.latent_dim, max_iter=args.gin_updates, random_state=seed).fit(X_few)

    native = fit_plain(classifier(), X_few, y_few, seed)
    X_more, y_more = X_rest[: args.n_queries], y_rest[: args.n_queries]
    more = fit_plain(
        classifier(), np.concatenate([X_few, X_more]), np.concatenate([y_few, y_more]), seed
    )
    scores = {
        "oracle": oracle.score(X_test, y_test),
        "native": native.score(X_test, y_test),
        f"+ {args.n_queries} real": more.score(X_test, y_test),
    }
    for answer in ("hard", "soft"):
        for name, strategy in STRATEGIES.items():
            learner = ActiveLearner(
                classifier(),
                strategy(FrozenEstimator(gin)),
                oracle=EstimatorOracle(oracle, soft=answer == "soft"),
                batch_size=args.n_queries,
                budget=args.n_queries,
                random_state=seed,
            ).fit(X_few, y_few)
            arm = f"+ {args.n_queries} {name}, {answer} labels"
            scores[arm] = learner.score(X_test, y_test)
    return scores, (gin, native, X_few, learner.labelled_)


def draw(gin, classifier, X, labelled, path):
    """Write the figure: real, reconstructed and generated images, and the latent map."""
    figure = plt.figure(figsize=(12, 6), layout="constrained")
    left, right = figure.subfigures(1, 2)
    above, below = left.subplots(2, 1, height_ratios=(1, 2))
    ReconstructionDisplay.from_generator(gin, X[:8], ax=above)
    above.set_title("labelled images and their reconstructions")
    SamplesDisplay.from_generator(gin, n_samples=32, n_columns=8, random_state=0, ax=below)
    below.set_title("generated images")
    chosen = labelled.latent[labelled.is_synthetic]
    latent_map = right.subplots()
    LatentSpaceDisplay.from_generator(gin, classifier, X=X, chosen=chosen, ax=latent_map)
    right.suptitle("what AISEL chose")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def print_table(runs):
    """Print mean and standard deviation of each arm's accuracy over the seeds."""
    print(f"\n{'test accuracy':44s} {'mean':>7s} {'sd':>7s}")
    for arm in runs[0]:
        scores = [scores[arm] for scores in runs]
        spread = np.std(scores, ddof=1) if len(scores) > 1 else np.nan
        print(f"{arm:44s} {np.mean(scores):7.3f} {spread:7.3f}")


def parse_args():
    """Read the options; the defaults are for the digits and four minutes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="digits", help="digits, mnist, fashion_mnist, cifar10")
    parser.add_argument("--n-labelled", type=int, default=100)
    parser.add_argument("--n-queries", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--latent-dim", type=int, default=None, help="2 for digits, else 8")
    parser.add_argument("--gin-updates", type=int, default=None)
    parser.add_argument("--classifier-updates", type=int, default=None)
    parser.add_argument("--oracle-updates", type=int, default=None)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--output", default="demo.png", help="where to write the figure")
    args = parser.parse_args()
    small = args.dataset == "digits"
    defaults = {
        "latent_dim": 2 if small else 8,
        "gin_updates": 800 if small else 2500,
        "classifier_updates": 150 if small else 400,
        "oracle_updates": 300 if small else 6000,
    }
    for name, value in defaults.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    return args


def main():
    """Run all seeds, print the table, write the figure."""
    args = parse_args()
    started = time.perf_counter()
    print(
        f"{args.dataset}: {args.n_labelled} labels, {args.n_queries} virtual images labelled by "
        f"an oracle, seeds {args.seeds}"
    )
    results = joblib.Parallel(n_jobs=args.n_jobs, verbose=5)(
        joblib.delayed(run)(args, seed) for seed in args.seeds
    )
    print_table([scores for scores, _ in results])
    draw(*results[0][1], args.output)
    print(f"\nThe figure is in {args.output}. {time.perf_counter() - started:.0f} s in all.")


if __name__ == "__main__":
    main()
