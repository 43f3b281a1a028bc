"""Any model in the forms that scikit-activeml's strategies take; needs scikit-activeml."""

import numpy as np
from skactiveml.base import SkactivemlClassifier, SkactivemlRegressor
from skactiveml.classifier import SklearnClassifier
from skactiveml.regressor import SklearnRegressor
from sklearn.base import is_regressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgal.query._uncertainty import check_classifier, class_probabilities
from skgal.utils import Column, FrameTemplate, is_frame


def as_skactiveml_model(model, like, refit):
    """Wrap a model for a strategy of scikit-activeml."""
    if not refit and is_regressor(model):
        return FittedRegressor(model, like)
    if not refit:
        check_classifier(model, "scikit-activeml")
        return FittedClassifier(model, like)
    if is_frame(like) or len(like.shape) > 2:
        model = make_pipeline(FunctionTransformer(as_samples, kw_args={"like": like}), model)
    if is_regressor(model):
        return SklearnRegressor(model)
    return SklearnClassifier(model, classes=np.arange(len(model.classes_)))


def needs_refit():
    """Make the error for strategies that cannot work with a model as it is."""
    return TypeError(
        "This strategy trains the model on labels that it supposes; pass refit=True to "
        "FromSkactiveml."
    )


def as_samples(rows, like):
    """Give rows of numbers the shape, or the columns, of other samples."""
    if is_frame(like):
        complete = np.zeros(len(rows), dtype=bool)
        columns = [Column("real", column, complete) for column in rows.T]
        return FrameTemplate.of(like).fill(columns)
    return rows.reshape(len(rows), *like.shape[1:])


class FittedClassifier(SkactivemlClassifier):
    """A fitted classifier that strategies read, and cannot train."""

    def __init__(self, model, like):
        super().__init__(classes=np.arange(len(model.classes_)))
        self.model = model
        self.like = like

    @property
    def classes_(self):
        """The codes of the classes."""
        return self.classes

    def fit(self, X, y, sample_weight=None):
        """Refuse: the strategy would learn nothing from a model that stays as it is."""
        raise needs_refit()

    def predict_proba(self, X):
        """Return the model's class probabilities for rows of numbers."""
        return class_probabilities(self.model, as_samples(X, self.like))

    def predict(self, X):
        """Return the code of the most probable class for rows of numbers."""
        return self.predict_proba(X).argmax(axis=1)


class FittedRegressor(SkactivemlRegressor):
    """A fitted regressor that strategies read, and cannot train."""

    def __init__(self, model, like):
        super().__init__()
        self.model = model
        self.like = like

    def fit(self, X, y, sample_weight=None):
        """Refuse: the strategy would learn nothing from a model that stays as it is."""
        raise needs_refit()

    def predict(self, X):
        """Return the model's predictions for rows of numbers."""
        return self.model.predict(as_samples(X, self.like))
