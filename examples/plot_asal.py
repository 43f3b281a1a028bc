"""
A pool too large to scan
========================

Looking at every image of a pool with a large network may take longer than labelling some.
:class:`~skgal.query.ASAL` searches the latent space of a GAN for images of which the classifier is
unsure, and takes the images of the pool that are most like them. What a query costs hardly grows
with the pool.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skgal import ASAL, GAAL, GAN, ActiveLearner, LabelOracle, load_images
from skgal.inspection import QueryDisplay

images, digits = load_images("digits", return_X_y=True)
pair = np.isin(digits, (3, 8))
X, y = images[pair].reshape(pair.sum(), -1) / 255, digits[pair]

# %%
# The generator is trained once, without a label.

gan = GAN(latent_dim=8, max_iter=600, random_state=0).fit(X)
few = np.where(np.arange(len(y)) < 12, y, np.nan)
learner = ActiveLearner(
    LogisticRegression(C=0.1),
    ASAL(FrozenEstimator(gan), n_components=20),
    oracle=LabelOracle(X, y),
    batch_size=10,
    budget=30,
    random_state=0,
).fit(X, few)

# %%
# Generated images on which the model is least sure, and below each the image of the pool that is
# asked for in its place, with its class: a person labels real images, not generated ones. Threes
# like eights, and eights like threes.

unsure = GAAL(FrozenEstimator(gan), random_state=0)
generated = unsure.fit(X).synthesize(X, few, learner.estimator_, batch_size=8).X
matcher = ASAL(FrozenEstimator(gan), n_components=20, random_state=0).fit(X).matcher_
figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
QueryDisplay.from_matcher(matcher, generated, X, labels=y, image_shape=(1, 8, 8), ax=ax)
plt.show()
