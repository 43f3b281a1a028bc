"""Scoring a generator as scikit-learn scores a model: a callable of model and data."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skgal.generators._selection import extract_features
from skgal.metrics import frechet_distance, inception_score
from skgal.utils import seeded_nets


class GenerationScorer(BaseEstimator):
    """Score what a conditional generator draws, by a classifier trained on real samples.

    It is called as scikit-learn calls a scorer, with the generator and real samples that it was
    not fitted to, and draws as many samples of the same classes. It returns three numbers:

    - ``frechet_distance`` of the classifier's features of drawn and real samples; lower is
      better;
    - ``inception_score`` of the classifier's class probabilities of drawn samples;
    - ``gan_test``: the classifier's accuracy on drawn samples, with the classes asked for.

    Parameters
    ----------
    classifier : fitted classifier
        With ``predict_proba``; of other data than those scored on, if it is to be fair.
    features : fitted transformer or skorch net, default=None
        Where the features come from. None: the classifier, if it is a skorch net; the samples
        themselves, flattened, if not.
    random_state : int, RandomState instance or None, default=0
        Of the draw.

    References
    ----------
    ALCG, section 4.2; K. Shmelkov, C. Schmid, K. Alahari, "How good is my GAN?", 2018, for
    GAN-test.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.generators import ACGAN, GenerationScorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = GenerationScorer(LogisticRegression(max_iter=500).fit(X, y))
    >>> scores = scorer(ACGAN(latent_dim=2, max_iter=5, random_state=0).fit(X, y), X, y)
    >>> list(scores)
    ['frechet_distance', 'inception_score', 'gan_test']
    """

    def __init__(self, classifier, *, features=None, random_state=0):
        self.classifier = classifier
        self.features = features
        self.random_state = random_state

    def __call__(self, estimator, X, y):
        """Draw as many samples as there are real ones, of the same classes, and score them.

        Parameters
        ----------
        estimator : conditional generator, or a learner that has fitted one as its model
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            Real samples.
        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        dict of str to float

        Raises
        ------
        TypeError
            If the estimator can't draw samples.
        """
        check_is_fitted(self.classifier)
        generator = estimator if hasattr(estimator, "sample") else estimator.estimator_
        if not hasattr(generator, "sample"):
            raise TypeError(
                f"GenerationScorer scores what a generator draws; {type(generator).__name__} has "
                "no sample."
            )
        drawn, classes = generator.sample(y=y, random_state=self.random_state)
        with seeded_nets(self.classifier):
            proba = self.classifier.predict_proba(drawn)
        predicted = np.asarray(self.classifier.classes_)[proba.argmax(axis=1)]
        real_features, drawn_features = (self._extract(samples) for samples in (X, drawn))
        return {
            "frechet_distance": frechet_distance(real_features, drawn_features),
            "inception_score": inception_score(proba),
            "gan_test": float(np.mean(predicted == classes)),
        }

    def _extract(self, samples):
        extractor = self.features
        if extractor is None and hasattr(self.classifier, "forward_iter"):
            extractor = self.classifier
        if extractor is None:
            return np.asarray(samples, dtype=np.float64).reshape(len(samples), -1)
        return extract_features(extractor, samples)
