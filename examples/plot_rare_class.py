"""
A rare class, and a gate that knows when to leave it alone
==========================================================

Over-sampling helps some classifiers by some metrics, and harms others.
:class:`~skgal.resampling.GatedSampler` goes around any sampler of imbalanced-learn, cross-validates
your classifier with and without it, and gives the original data back unless a test shows a gain.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skgal import GatedSampler
from skgal.exceptions import UselessSamplesWarning

X, y = make_classification(1500, weights=[0.93], class_sep=0.6, random_state=0)
classifier = LogisticRegression()

# %%
# The same data, sampler and classifier; two metrics. Balanced accuracy rewards moving the
# threshold, which is what SMOTE does here; average precision doesn't depend on a threshold, and
# there is nothing to gain.

gates = {}
for metric in ("balanced_accuracy", "average_precision"):
    gate = GatedSampler(SMOTE(random_state=0), classifier, scoring=metric, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UselessSamplesWarning)
        gate.fit_resample(X, y)
    gates[metric] = gate.decision_
for decision in gates.values():
    print(decision.reason, end="\n\n")

# %%
# In a pipeline the gate is a step like any other sampler:

pipe = make_pipeline(
    GatedSampler(SMOTE(random_state=0), classifier, scoring="balanced_accuracy", random_state=0),
    classifier,
)
round(float(cross_val_score(pipe, X, y, scoring="balanced_accuracy", cv=3).mean()), 2)

# %%
# One line a fold: up means that resampling helped in it.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.3), layout="constrained")
for ax, (metric, decision) in zip(axes, gates.items(), strict=True):
    without, resampled = np.asarray(decision.original), np.asarray(decision.resampled)
    ax.plot([0, 1], np.stack([without, resampled]), "o-", c="0.6")
    ax.plot(
        [0, 1], [without.mean(), resampled.mean()], "o-", c="C0" if decision.is_open else "C1", lw=3
    )
    verdict = "open: resampled data" if decision.is_open else "closed: original data"
    ax.set_xticks([0, 1], ["as it is", "with SMOTE"])
    ax.set(xlim=(-0.3, 1.3), ylabel=metric.replace("_", " "), title=f"Gate {verdict}")
plt.show()
