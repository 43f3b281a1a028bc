"""
An expensive simulator: which designs are worth a run?
======================================================

Sixty reactors have been computed, and the budget allows 80 more runs. Should they be spent at
random, or where the model is unsure? A :class:`~skgal.generators.GIN` learns what such reactors
look like, and :class:`~skgal.query.AISEL` designs new ones in its latent space, spread out over
where the classifier can't tell whether the reactor runs away.
"""

# %%
# :func:`~skgal.datasets.make_reactor` stands for your solver: five variables in, a class out, in
# milliseconds instead of hours.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgal import AISEL, GIN, ActiveLearner, LatentRandom, make_reactor
from skgal.inspection import LabelEfficiencyDisplay

reactors = make_reactor(60, n_test=5000, random_state=0)
model = make_pipeline(StandardScaler(), SVC(C=100))
gin = GIN(latent_dim=5, max_iter=800, random_state=0).fit(reactors.X)

# %%
# Both strategies design in the latent space of the same generator, in four rounds of twenty.
# Passing test designs to ``fit`` records the score after each round; it plays no part in the
# choice.


def learn(strategy, seed):
    """Acquire 80 labels and return the fitted learner."""
    learner = ActiveLearner(
        model,
        strategy(FrozenEstimator(gin)),
        oracle=reactors.oracle,
        batch_size=20,
        budget=80,
        random_state=seed,
    )
    return learner.fit(reactors.X, reactors.y, X_val=reactors.X_test, y_val=reactors.y_test)


learners = {
    name: [learn(strategy, seed) for seed in range(3)]
    for name, strategy in {"random designs": LatentRandom, "AISEL": AISEL}.items()
}

# %%
# On the left the accuracy on 5,000 fresh reactors. On the right every design of the last run in the
# plane of the two variables that decide most: AISEL's designs follow the boundary between safe and
# runaway.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
LabelEfficiencyDisplay.from_learners(learners, ax=left)
left.set(ylabel="accuracy on fresh reactors", title="Three seeds each")
labelled = learners["AISEL"][0].labelled_
names = list(reactors.feature_names)
i, j = 1, 2
right.scatter(
    reactors.X_test[:1500, i], reactors.X_test[:1500, j], c=reactors.y_test[:1500], s=6, alpha=0.25
)
for kind, marker, mask in (
    ("given", "o", ~labelled.is_synthetic),
    ("designed by AISEL", "^", labelled.is_synthetic),
):
    right.scatter(*labelled.X[mask][:, [i, j]].T, marker=marker, ec="k", lw=0.8, fc="w", label=kind)
right.set(
    xlabel=f"{names[i]} ({reactors.units[i]})",
    ylabel=f"{names[j]} ({reactors.units[j]})",
    title="Yellow: the reactor runs away",
)
right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
plt.show()

# %%
# The mean gain of the chosen over the random designs, in points of accuracy:

scores = {
    name: np.mean([each.history_[-1]["score"] for each in runs]) for name, runs in learners.items()
}
{name: round(float(100 * score), 1) for name, score in scores.items()}
