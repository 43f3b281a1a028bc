"""Scoring a generator as scikit-learn scores a model: a callable of model and data."""

from functools import partial

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skgal.base import ConditionalGenerator, DocumentedMixin
from skgal.classifiers import AnyEstimator
from skgal.generators._selection import extract_features
from skgal.metrics import (
    coverage,
    density,
    diversity_ratio,
    frechet_distance,
    generative_precision,
    generative_recall,
    inception_score,
    kernel_distance,
    to_points,
)
from skgal.utils import as_label_array, is_net, last_step, seeded_nets

_OF_POINTS = {
    "neg_frechet_distance": lambda real, drawn: -frechet_distance(real, drawn),
    "neg_kernel_distance": lambda real, drawn: -kernel_distance(real, drawn),
    "generative_precision": generative_precision,
    "generative_recall": generative_recall,
    "density": density,
    "coverage": coverage,
    "diversity_ratio": diversity_ratio,
}
_OF_CLASSES = ("inception_score", "gan_test", "gan_train")
_DEFAULT = ("neg_frechet_distance", "neg_kernel_distance", "density", "coverage")


class GenerationScorer(DocumentedMixin, BaseEstimator):
    """Score what a generator draws, by several measures at once; higher is better in each.

    It is called as scikit-learn calls a scorer, with the generator and real samples that it was
    not fitted to, and draws as many samples, of the same classes if the generator is conditional.
    It serves as ``scoring`` of a search, where ``refit`` names the score that decides, or of
    `skgal.active.ActiveLearner`.

    Of the features of drawn and real samples it computes:

    - ``neg_frechet_distance``, ``neg_kernel_distance``: minus the distance between them; samples of
      the same classes differ less than independent ones, so that of a good conditional generator's
      the second can be above 0;
    - ``generative_precision``, ``density``: whether drawn samples could be real;
    - ``generative_recall``, ``coverage``, ``diversity_ratio``: whether real samples could be drawn.

    With a classifier:

    - ``inception_score`` of its class probabilities of drawn samples;
    - ``gan_test``: its accuracy on drawn samples, with the classes asked for (are they right?);
    - ``gan_train``: the accuracy on the real samples of a clone that is trained on the drawn ones
      (are they enough?).

    Parameters
    ----------
    classifier : fitted classifier, default=None
        With ``predict_proba``; of other data than those scored on, if it is to be fair.
    scores : list of str, default=None
        Which to compute, by the names above. None: the distances, density and coverage, and what
        the classifier allows.
    extractor : callable, fitted transformer or fitted skorch net, default=None
        Where the features come from; of a net, the input of its last layer. None: the classifier,
        if it is a skorch net; if not the points of `skgal.metrics.to_points`.
    random_state : int, RandomState instance or None, default=0
        Of the draw, and of what ``gan_train`` trains.

    See Also
    --------
    skgal.base.BaseGenerator.score : One number, without anything to choose.

    References
    ----------
    M.-K. Xie, S.-J. Huang, "Learning class-conditional GANs with active sampling" (ALCG), KDD 2019,
    section 4.2; K. Shmelkov, C. Schmid, K. Alahari, "How good is my GAN?", ECCV 2018, for
    GAN-train and GAN-test.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV, StratifiedKFold
    >>> from skgal.generators import CGAN, GenerationScorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = GenerationScorer(LogisticRegression(max_iter=500).fit(X, y))
    >>> search = GridSearchCV(
    ...     CGAN(latent_dim=2, random_state=0),
    ...     {"max_iter": [1, 100]},
    ...     scoring=scorer,
    ...     refit="neg_frechet_distance",
    ...     cv=StratifiedKFold(2, shuffle=True, random_state=0),
    ... ).fit(X, y)
    >>> search.best_params_
    {'max_iter': 100}
    >>> {"mean_test_coverage", "mean_test_gan_train"} <= set(search.cv_results_)
    True
    """

    def __init__(self, classifier=None, *, scores=None, extractor=None, random_state=0):
        self.classifier = classifier
        self.scores = scores
        self.extractor = extractor
        self.random_state = random_state

    def __call__(self, estimator, X, y=None):
        """Draw as many samples as there are real ones, of the same classes, and score them.

        Parameters
        ----------
        estimator : generator, or a learner that has fitted one as its model
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            Real samples.
        y : array-like of shape (n_samples,), default=None
            Their classes, for a conditional generator. Samples of classes that it was not fitted
            to are left out, with a warning.

        Returns
        -------
        dict of str to float

        Raises
        ------
        TypeError
            If the estimator can't draw samples.
        ValueError
            If a score is unknown, or needs a classifier or classes that are not there.
        """
        generator = _generator_of(estimator)
        is_conditional = y is not None and isinstance(generator, ConditionalGenerator)
        names = self._check_scores(is_conditional)
        if is_conditional:
            X, y = generator._known_classes(X, as_label_array(y))
            drawn, classes = generator.sample(y=y, random_state=self.random_state)
            classes = as_label_array(classes)
        else:
            drawn = generator.sample(len(X), random_state=self.random_state)
            drawn = drawn[0] if isinstance(drawn, tuple) else drawn
        scores = {}
        if not _OF_POINTS.keys().isdisjoint(names):
            real_points, drawn_points = self._extract(X, drawn)
        if not {"inception_score", "gan_test"}.isdisjoint(names):
            with seeded_nets(self.classifier):
                proba = np.asarray(self.classifier.predict_proba(drawn))
        for name in names:
            if name in _OF_POINTS:
                scores[name] = _OF_POINTS[name](real_points, drawn_points)
            elif name == "inception_score":
                scores[name] = inception_score(proba)
            elif name == "gan_test":
                if is_net(last_step(self.classifier)):  # which predicts positions
                    predicted = np.asarray(self.classifier.classes_)[proba.argmax(axis=1)]
                else:
                    predicted = self.classifier.predict(drawn)
                scores[name] = float(np.mean(predicted == classes))
            else:
                model = AnyEstimator(self.classifier, random_state=self.random_state)
                scores[name] = float(np.mean(model.fit(drawn, classes).predict(X) == y))
        return scores

    def _check_scores(self, is_conditional):
        """Return the names of the scores to be computed."""
        if self.classifier is not None:
            check_is_fitted(self.classifier)
        possible = list(_OF_POINTS)
        if self.classifier is not None:
            possible += _OF_CLASSES if is_conditional else _OF_CLASSES[:1]
        if self.scores is None:
            return [name for name in (*_DEFAULT, *_OF_CLASSES) if name in possible]
        if unknown := sorted(set(self.scores) - {*_OF_POINTS, *_OF_CLASSES}):
            raise ValueError(f"scores must be among {[*_OF_POINTS, *_OF_CLASSES]}, got {unknown}.")
        if lacking := [name for name in self.scores if name not in possible]:
            raise ValueError(
                f"The scores {lacking} need a classifier, gan_test and gan_train a conditional "
                "generator and classes y besides; leave them out of scores, or pass what they need."
            )
        return list(self.scores)

    def _extract(self, X, drawn):
        """Return real and drawn samples as points."""
        extractor = self.extractor
        if extractor is None and hasattr(self.classifier, "forward_iter"):
            extractor = self.classifier
        if extractor is not None and not callable(extractor):
            extractor = partial(extract_features, extractor)
        return to_points(X, drawn, extractor=extractor)


def _generator_of(estimator):
    """Return the generator, or that which a learner has fitted."""
    generator = estimator
    if not hasattr(estimator, "sample"):
        generator = getattr(estimator, "estimator_", estimator)
    if not hasattr(generator, "sample"):
        raise TypeError(
            f"GenerationScorer scores generated samples; {type(generator).__name__} has no method "
            "sample."
        )
    return generator
