"""Tables of three papers about few and imbalanced images, measured again.

``aisel``: AISEL, appendix F, table 3. Fashion-MNIST, T-shirts against coats, 300 labelled images,
eleven to one (the paper doesn't say which class is rare; here coats are). Virtual images are
designed with equation F.1 (``AISEL(balance=True)``) or drawn at random, and labelled by an oracle
trained on all images of the two classes. Against them: the classifier as it is, under- and
over-sampling, class weights. F1 of the rare class, area under the ROC curve, accuracy, on the 2,000
test images of the two classes.

``selective``: selective augmentation, section 4.3: no synthetic images, traditional augmentation
(training images flipped and shifted), a GAN's images unseen, the single filter of Xue et al. 2019
(distance, one pass), both filters; synthetic images in several ratios to the real ones. A part of
Fashion-MNIST, all classes as frequent, accuracy on the test images. The arms of a seed share the
generator and the extractor, so they differ in what is chosen alone; ``label`` and ``both, and
traditional`` aren't the paper's.

``polarity``: Polarity-GAN, tables 1 to 3, on a tenth of its profile, ten classes of 500 images down
to 5: macro-F1, mean accuracy of the classes, and the mean uncertainty of the classifier, by four
measures, on the official test images. Each generator makes the same number of updates (BAGAN and
PolarityGAN train an autoencoder before) and fills all classes up to the most frequent. The paper's
ResNet-50 comes with weights of ImageNet; here the network is that of the other tables, "none" on
the images as they are, and the forest gets what its last layer sees. The paper leaves open what
SMOTE-SVM is: here SMOTE, and a linear support vector machine on pixels. ``SMOTE`` with the network,
and ``PolarityGAN, trusted``, the filter of ``PolarityGANSampler``, aren't the paper's.

Every classifier makes the same number of updates from the same initial weights, whatever is added.
Each seed is written as it ends; a command that is called again does only what is missing.

    SKGAL_DATA=... python benchmarks/imbalance_papers.py aisel --seeds 0 1 2 3 4
    SKGAL_DATA=... python benchmarks/imbalance_papers.py selective --n-images 500 2000 \
        --ratios 0.5 0.8 1 --seeds 0 1 2
    SKGAL_DATA=... python benchmarks/imbalance_papers.py polarity --seeds 0 1 2
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from time import process_time

import joblib
import numpy as np
import sklearn
import skorch
import torch
from aisel_arms import AugmentedClassifier
from imbalance_data import CASES
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from report import ReportFile
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgal import (
    ACGAN,
    AISEL,
    CGAN,
    GIN,
    GANOverSampler,
    LatentRandom,
    PolarityGANSampler,
    SelectiveAugmentation,
)
from skgal.classifiers import ClassifierFeatures, accept_soft_targets, fit_classifier
from skgal.datasets import load_images
from skgal.generators import BAGAN, FrechetSelection, PolarityGAN
from skgal.metrics import mean_uncertainty
from skgal.nn import make_dropout_classifier, resolve_device
from skgal.utils import seeded_nets, seeded_torch

sys.path.append(str(Path(__file__).parents[1] / "examples"))
from network_oracle import fit_plain, make_classifier, train_oracle

#: Options that say how much is run, or where; the others decide the results.
EXTENT = ("seeds", "groups", "n_jobs", "output")
COMMON, RARE = 0, 4
N_COMMON, N_RARE = 275, 25
PAPERS = {
    "aisel": {
        "source": "AISEL, table 3 of the appendix; F1, AUC, accuracy",
        "native": [0.9448, 0.9782, 0.9460],
        "under-sampling": [0.9589, 0.9839, 0.9590],
        "over-sampling": [0.9624, 0.9846, 0.9625],
        "+ 600 random": [0.9728, 0.9905, 0.9695],
        "+ 300 AISEL": [0.9734, 0.9937, 0.9705],
        "+ 600 AISEL": [0.9801, 0.9964, 0.9800],
    },
    "selective": {
        "source": "selective augmentation, tables 1 and 2; accuracy, CIFAR-10 at 10 %",
        "histopathology": {
            "none": 0.753,
            "traditional": 0.756,
            "blind, r=0.5": 0.726,
            "single, r=0.5": 0.804,
            "both, r=0.5": 0.821,
            "both, r=0.8": 0.802,
            "both, r=1": 0.787,
        },
        "CIFAR-10": {
            "none": 0.539,
            "traditional": 0.540,
            "blind, r=0.5": 0.540,
            "both, r=0.5": 0.578,
        },
    },
    "polarity": {
        "source": "Polarity-GAN, tables 1 and 2: F1, average accuracy of the classes",
        "mnist": {
            "SMOTE-SVM": [0.82, 0.80],
            "forest on features": [0.83, 0.87],
            "none": [0.86, 0.91],
            "AC-GAN": [0.89, 0.92],
            "BAGAN": [0.91, 0.94],
            "WGAN-GP": [0.90, 0.92],
            "PolarityGAN": [0.91, 0.93],
        },
        "fashion_mnist": {
            "SMOTE-SVM": [0.69, 0.66],
            "forest on features": [0.77, 0.70],
            "none": [0.81, 0.80],
            "AC-GAN": [0.83, 0.82],
            "BAGAN": [0.85, 0.84],
            "WGAN-GP": [0.83, 0.82],
            "PolarityGAN": [0.90, 0.90],
        },
        "table 3": "least confidence, margin, ratio, entropy; the previous best, and PolarityGAN",
        "uncertainty": {
            "mnist": [[0.07, 0.15, 0.09, 0.16], [0.08, 0.16, 0.08, 0.15]],
            "fashion_mnist": [[0.14, 0.19, 0.05, 0.14], [0.12, 0.19, 0.08, 0.16]],
        },
    },
}


def two_classes(subset):
    """Load T-shirts and coats; coats are class 1."""
    X, y = load_images("fashion_mnist", subset=subset, return_X_y=True)
    wanted = np.isin(y, (COMMON, RARE))
    return X[wanted], (y[wanted] == RARE).astype(np.int64)


def draw_imbalanced(X, y, seed):
    """Draw the labelled images of the AISEL table."""
    rng = np.random.default_rng(seed)
    drawn = [
        rng.choice(np.flatnonzero(y == label), size=size, replace=False)
        for label, size in enumerate((N_COMMON, N_RARE))
    ]
    rows = rng.permutation(np.concatenate(drawn))
    return X[rows], y[rows]


def resample(sampler, X, y):
    """Resample images with a sampler that takes rows only."""
    rows = X.reshape(len(X), -1).astype(np.float32)  # differences of bytes would wrap around
    rows, labels = sampler.fit_resample(rows, y)
    return rows.reshape(-1, *X.shape[1:]), labels


def train(args, X, y, seed, *, class_weight=None, augment=False):
    """Train the classifier; labels may be classes or, a column each, probabilities."""
    n_classes = y.shape[1] if y.ndim == 2 else int(y.max()) + 1
    classifier = make_classifier(X, n_classes, n_updates=args.classifier_updates)
    if augment:
        classifier.set_params(module=AugmentedClassifier, module__network=classifier.module)
    if class_weight is not None:
        classifier.set_params(criterion__weight=torch.tensor(class_weight, dtype=torch.float32))
    if y.ndim == 2:
        classifier.set_params(classes=list(range(n_classes)))
        accept_soft_targets(classifier)
        y = y.astype(np.float32)
    return fit_plain(classifier, X, y, seed)


def score_rare(classifier, X, y):
    """Return F1 of the rare class, area under the ROC curve, and accuracy."""
    with seeded_nets(classifier):
        proba = classifier.predict_proba(X)[:, 1]
    predicted = proba > 0.5
    return {
        "f1": f1_score(y, predicted),
        "auc": roc_auc_score(y, proba),
        "accuracy": accuracy_score(y, predicted),
    }


def run_aisel(args, n_images, seed, *, oracle):
    """Run all arms of the AISEL table for one draw of the labelled images."""
    X_test, y_test = two_classes("test")
    X, y = draw_imbalanced(*two_classes("train"), seed)
    gin = GIN(latent_dim=args.latent_dim, max_iter=args.generator_updates, random_state=seed).fit(X)
    native = train(args, X, y, seed)
    weights = len(y) / (2 * np.bincount(y))
    fitted = {
        "native": native,
        "under-sampling": train(args, *resample(RandomUnderSampler(random_state=seed), X, y), seed),
        "over-sampling": train(args, *resample(RandomOverSampler(random_state=seed), X, y), seed),
        "class weights": train(args, X, y, seed, class_weight=weights),
    }
    strategies = {
        "random": LatentRandom(FrozenEstimator(gin), random_state=seed),
        "AISEL": AISEL(FrozenEstimator(gin), balance=True, random_state=seed),
        "AISEL, not balanced": AISEL(FrozenEstimator(gin), random_state=seed),
    }
    shares = {}
    for name, strategy in strategies.items():
        strategy.fit(X, y)
        for n in args.n_queries:
            with seeded_torch(seed):
                X_new = strategy.synthesize(X, y, native, batch_size=n).X
                soft = oracle.predict_proba(X_new)
            X_both, hard, eye = np.concatenate([X, X_new]), soft.argmax(axis=1), np.eye(2)[y]
            shares[f"+ {n} {name}"] = float(hard.mean())
            fitted[f"+ {n} {name}"] = train(args, X_both, np.concatenate([y, hard]), seed)
            fitted[f"+ {n} {name}, soft labels"] = train(
                args, X_both, np.concatenate([eye, soft]), seed
            )
    scores = {arm: score_rare(net, X_test, y_test) for arm, net in fitted.items()}
    scores["oracle"] = score_rare(oracle, X_test, y_test)
    return {"scores": scores, "share of coats among the virtual": shares}


class FromPixels(torch.nn.Module):
    """Scale pixels from 0 to 255 to [-1, 1]."""

    def forward(self, images):
        return images.float() / 127.5 - 1


def make_extractor(image_shape, n_classes):
    """Make the default extractor, for pixels from 0 to 255."""
    return torch.nn.Sequential(FromPixels(), make_dropout_classifier(image_shape, n_classes))


def run_selective(args, n_images, seed):
    """Run the arms of selective augmentation for one draw of the training images."""
    X, y = load_images(args.dataset, subset="train", return_X_y=True)
    X_test, y_test = load_images(args.dataset, subset="test", return_X_y=True)
    X, _, y, _ = train_test_split(X, y, train_size=n_images, stratify=y, random_state=seed)
    generator = CGAN(
        architecture=args.architecture,
        max_iter=args.generator_updates,
        model_selection=FrechetSelection(every=max(50, args.generator_updates // 10)),
        random_state=seed,
    ).fit(X, y)
    extractor = fit_classifier(
        partial(make_extractor, X.shape[1:], len(np.unique(y))),
        X,
        y,
        max_iter=args.extractor_updates,
        seed=seed,
        device=resolve_device("auto"),
    )
    frozen = FrozenEstimator(generator)
    select = partial(_selective, frozen, extractor, seed)
    labels, counts = np.unique(y, return_counts=True)
    resampled = {"none": (X, y), "traditional": (X, y)}
    for ratio in args.ratios:
        wanted = dict(
            zip(labels.tolist(), np.rint((1 + ratio) * counts).astype(int).tolist(), strict=True)
        )
        samplers = {
            "blind": GANOverSampler(frozen, sampling_strategy=wanted, random_state=seed),
            "single": select(ratio, filters=("distance",), n_passes=1),
            "both": select(ratio, filters=("entropy", "distance")),
            "label": select(ratio, filters=("label",)),
        }
        for arm in args.filters:
            resampled[f"{arm}, r={ratio:g}"] = samplers[arm].fit_resample(X, y)
    first = f"both, r={args.ratios[0]:g}"
    if first in resampled:
        resampled[f"{first}, and traditional"] = resampled[first]
    scores = {}
    for arm, (images, classes) in resampled.items():
        trained = [
            train(args, images, classes, 1000 * seed + repeat, augment=arm.endswith("traditional"))
            for repeat in range(args.repeats)
        ]
        scores[arm] = {"accuracy": float(np.mean([net.score(X_test, y_test) for net in trained]))}
    return {"scores": scores}


def _selective(generator, extractor, seed, ratio, **params):
    return SelectiveAugmentation(
        generator,
        ratio=ratio,
        extractor=FrozenEstimator(extractor),
        layers=[f"1.{name}" for name in extractor.module_[1].feature_layers],
        random_state=seed,
        **params,
    )


def score_classes(classifier, X, y):
    """Return macro-F1, the classes' mean accuracy and, given probabilities, mean uncertainties."""
    with seeded_nets(classifier):
        if hasattr(classifier, "predict_proba"):
            proba = classifier.predict_proba(X)
            predicted, uncertainty = proba.argmax(axis=1), mean_uncertainty(proba)
        else:
            predicted, uncertainty = classifier.predict(X), {}
    return {
        "f1": f1_score(y, predicted, average="macro"),
        "class_accuracy": balanced_accuracy_score(y, predicted),
        **uncertainty,
    }


def to_rows(images):
    """Return pixels from 0 to 1, a row an image."""
    return images.reshape(len(images), -1) / 255


def run_polarity(args, dataset, seed):
    """Run all arms of the Polarity-GAN tables for one draw of the training images."""
    ((X, y, X_test, y_test),) = CASES[dataset].splits(seed, 1)
    bare = train(args, X, y, seed)
    forest = make_pipeline(
        ClassifierFeatures(FrozenEstimator(bare)), RandomForestClassifier(random_state=seed)
    )
    svm = make_pipeline(FunctionTransformer(to_rows), SGDClassifier(random_state=seed))
    neighbours = min(5, int(np.bincount(y).min()) - 1)
    smote = resample(SMOTE(k_neighbors=neighbours, random_state=seed), X, y)
    fitted = {
        "none": bare,
        "forest on features": forest.fit(X, y),
        "SMOTE-SVM": svm.fit(*smote),
        "SMOTE": train(args, *smote, seed),
    }
    settings = {"max_iter": args.generator_updates, "random_state": seed}
    generators = {
        "CGAN": CGAN(**settings),
        "WGAN-GP": CGAN(objective="wasserstein", penalty="gradient_penalty", **settings),
        "AC-GAN": ACGAN(adversarial_sampling=1, **settings),
        "BAGAN": BAGAN(**settings),
        "PolarityGAN": PolarityGAN(classifier_weight=1, **settings),
    }
    seconds = {}
    for arm, generator in generators.items():
        start = process_time()
        frozen = FrozenEstimator(generator.fit(X, y))
        seconds[arm] = round(process_time() - start, 1)
        samplers = {arm: GANOverSampler(frozen, random_state=seed)}
        if arm == "PolarityGAN":
            samplers[f"{arm}, trusted"] = PolarityGANSampler(frozen, random_state=seed)
        for name, sampler in samplers.items():
            fitted[name] = train(args, *sampler.fit_resample(X, y), seed)
    scores = {arm: score_classes(model, X_test, y_test) for arm, model in fitted.items()}
    return {"scores": scores, "processor seconds of the generator": seconds}


def make_experiment(args):
    """Return what runs one seed, with what all seeds share."""
    if args.experiment != "aisel":
        return {"selective": run_selective, "polarity": run_polarity}[args.experiment]
    oracle = train_oracle(*two_classes("train"), n_updates=args.oracle_updates)
    return partial(run_aisel, oracle=oracle)


def run(experiment, args, group, seed):
    """Run one experiment for one seed; in a process of its own, perhaps."""
    torch.set_num_threads(1)
    start = process_time()
    record = experiment(args, group, seed)
    record["processor_seconds"] = round(process_time() - start, 1)
    return f"{group} images | {seed}", record


def summarize(runs, reference):
    """Return for each group mean and spread of each arm, and how far it is from a reference.

    A group is a number of images, or a data set. Differences are paired by seed; ``se`` is the
    standard error of their mean.
    """
    groups, summary = {}, {}
    for key, record in runs.items():
        groups.setdefault(key.split(" | ")[0], []).append(record["scores"])
    for (name, scores), arm in ((g, arm) for g in groups.items() for arm in g[1][0]):
        measures = scores[0][arm]
        of_arm = summary.setdefault(name, {}).setdefault(arm, {})
        for measure in measures:
            values = np.array([seed[arm][measure] for seed in scores])
            gains = values - [seed[reference][measure] for seed in scores]
            of_arm[measure] = {
                "mean": round(float(values.mean()), 5),
                "sd": _spread(values),
                f"minus {reference}": round(float(gains.mean()), 5),
                "se": _spread(gains / np.sqrt(len(gains))),
            }
    return summary


def _spread(values):
    return round(float(np.std(values, ddof=1)), 5) if len(values) > 1 else None


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="experiment", required=True)
    aisel = commands.add_parser("aisel")
    aisel.add_argument("--n-queries", type=int, nargs="+", default=[300, 600])
    aisel.set_defaults(groups=[N_COMMON + N_RARE])
    aisel.add_argument("--latent-dim", type=int, default=8)
    aisel.add_argument("--oracle-updates", type=int, default=2000)
    selective = commands.add_parser("selective")
    selective.add_argument("--dataset", default="fashion_mnist", choices=["fashion_mnist", "mnist"])
    selective.add_argument(
        "--n-images", dest="groups", type=int, nargs="+", default=[6000], help="real ones"
    )
    selective.add_argument(
        "--ratios", type=float, nargs="+", default=[0.5], help="synthetic for each real one"
    )
    selective.add_argument(
        "--filters", nargs="+", default=["blind", "single", "both", "label"], help="the arms"
    )
    selective.add_argument("--architecture", default="auto", help="of the generator: biggan, ...")
    selective.add_argument("--extractor-updates", type=int, default=1000)
    selective.add_argument("--repeats", type=int, default=2, help="trainings of each classifier")
    polarity = commands.add_parser("polarity")
    polarity.add_argument(
        "--datasets", dest="groups", nargs="+", default=["fashion_mnist_tenth", "mnist_tenth"],
        choices=[name for name, case in CASES.items() if case.is_image],
    )  # fmt: skip
    for command, generator_updates, classifier_updates in (
        (aisel, 2500, 400),
        (selective, 2500, 1000),
        (polarity, 400, 300),
    ):
        command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
        command.add_argument("--generator-updates", type=int, default=generator_updates)
        command.add_argument("--classifier-updates", type=int, default=classifier_updates)
        command.add_argument("--n-jobs", type=int, default=1)
        command.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    args.output = args.output or Path(f"benchmarks/results/imbalance_{args.experiment}.json")
    return args


def main():
    """Run the seeds that are missing, and write the report after each."""
    args = parse_args()
    settings = {name: value for name, value in vars(args).items() if name not in EXTENT}
    report = ReportFile(args.output, settings, (sklearn, skorch, torch, np))
    runs = report.read_runs()
    reference = "native" if args.experiment == "aisel" else "none"
    experiment = make_experiment(args)
    parallel = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator_unordered")
    missing = [
        (group, seed)
        for seed in args.seeds
        for group in args.groups
        if f"{group} images | {seed}" not in runs
    ]
    for key, record in parallel(joblib.delayed(run)(experiment, args, *job) for job in missing):
        runs[key] = record
        summary = summarize(runs, reference)
        report.write(runs, paper=PAPERS[args.experiment], summary=summary)
        print(f"{key}: {record['processor_seconds']} s", flush=True)
        for arm, measures in summary[key.split(" | ")[0]].items():
            means = [f"{measures[name]['mean']:.4f}" for name in measures]
            print(f"  {arm:36s} {' '.join(means)}", flush=True)


if __name__ == "__main__":
    main()
