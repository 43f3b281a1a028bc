"""
Probabilities after resampling
==============================

Over-sampling tells a classifier that the rare class is frequent, and its probabilities say so ever
after. Ranks and thresholds may be fine; probabilities are not. A calibration outside of the
pipeline puts them right, because samplers don't touch the folds on which it is fitted.
"""

import matplotlib.pyplot as plt
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import train_test_split

X, y = make_classification(
    12_000, n_features=8, n_informative=5, weights=[0.94], flip_y=0.02, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, train_size=4000, stratify=y, random_state=0)

# %%
# The calibration wraps the whole pipeline: in each of its folds the sampler resamples what the
# classifier is trained on, and the calibrator sees the rest as it is.

resampled = make_pipeline(SMOTE(random_state=0), LogisticRegression())
models = {
    "as it is": LogisticRegression(),
    "with SMOTE": resampled,
    "with SMOTE, calibrated": CalibratedClassifierCV(resampled, method="isotonic", cv=5),
}
for model in models.values():
    model.fit(X, y)

# %%
# On the diagonal, of all samples told "30 %" three of ten are positive.

figure, ax = plt.subplots(figsize=(6, 5.2), layout="constrained")
for name, model in models.items():
    loss = brier_score_loss(y_test, model.predict_proba(X_test)[:, 1])
    CalibrationDisplay.from_estimator(
        model,
        X_test,
        y_test,
        n_bins=8,
        strategy="quantile",
        ax=ax,
        name=f"{name}: Brier {loss:.3f}",
    )
ax.set(xlabel="predicted probability of the rare class", ylabel="share of the rare class")
ax.legend(loc="upper left")
plt.show()
