"""
Selective augmentation, before and after
========================================

A generator trained on few samples draws good ones and bad ones.
:class:`~skgal.resampling.SelectiveAugmentation` draws four times as many as wanted, and keeps those
whose class a classifier with dropout is sure of, near the centre of that class.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.frozen import FrozenEstimator

from skgal import CGAN, SelectiveAugmentation
from skgal.inspection import AugmentationDisplay

X, y = load_wine(return_X_y=True)
generator = CGAN(latent_dim=8, max_iter=300, random_state=0).fit(X, y)

# %%
# The same generator twice: what it draws, and what the two filters keep of it.

sampler = SelectiveAugmentation(
    FrozenEstimator(generator), ratio=1.0, extractor_max_iter=200, random_state=0
)
X_new, y_new = sampler.fit_resample(X, y)
X_kept, y_kept = X_new[len(X) :], y_new[len(y) :]
X_drawn, y_drawn = generator.sample(len(X_kept), y=y_kept, random_state=0)
sampler.report_[["real", "generated", "accepted", "topped_up", "frechet_distance"]]

# %%
# Real samples pale, synthetic ones dark, in the plane of the real ones' first two principal
# components.

AugmentationDisplay.from_samples(
    X / X.std(axis=0),
    y,
    {
        "whatever is drawn": (X_drawn / X.std(axis=0), y_drawn),
        "after selection": (X_kept / X.std(axis=0), y_kept),
    },
)
plt.show()

# %%
# The share of samples whose five nearest real neighbours are mostly of the class that was asked
# for:

from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

neighbours = make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(X, y)
{
    "whatever is drawn": round(float(np.mean(neighbours.predict(X_drawn) == y_drawn)), 2),
    "after selection": round(float(np.mean(neighbours.predict(X_kept) == y_kept)), 2),
}
