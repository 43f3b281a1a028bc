"""
A labelling session: ask and tell
=================================

Without an oracle the learner waits. ``ask`` says which samples to label, ``tell`` takes the
answers: in part, in any order, tomorrow, from another process. With a file as ``store`` every
answer is on disk before it is used.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgal import ActiveLearner, UncertaintySampling

X, truth = make_moons(400, noise=0.2, random_state=0)
y = np.full(len(X), np.nan)
for label in (0, 1):  # four labels of each class to begin with
    first = np.flatnonzero(truth == label)[:4]
    y[first] = label

model = make_pipeline(StandardScaler(), SVC(C=10))
learner = ActiveLearner(
    model,
    UncertaintySampling("min_distance"),
    batch_size=8,
    store=":memory:",  # a path keeps the session
    random_state=0,
)
learner.fit(X, y)

# %%
# Three rounds. In the second, somebody can't tell one of the samples, and it is not asked for
# again:

stages = [(learner.estimator_, np.array([], dtype=int))]
for round_number in range(3):
    query = learner.ask(8)
    indices = query.indices
    if round_number == 1:
        learner.ignore(query.ids[0])
        learner.tell(query.ids[1:], truth[indices[1:]], annotator="Ada")
    else:
        learner.tell(query, truth[indices], annotator="Ada")
    stages.append((learner.estimator_, indices))

learner.store_.to_frame()[["round", "status", "label", "annotator"]].tail(3)

# %%
# The circled samples were asked about in that round: each time where the classes meet.

figure, axes = plt.subplots(1, 4, figsize=(14, 3.8), layout="constrained", sharex=True, sharey=True)
for number, (ax, (fitted, asked)) in enumerate(zip(axes, stages, strict=True)):
    DecisionBoundaryDisplay.from_estimator(
        fitted, X, ax=ax, response_method="predict", alpha=0.25, grid_resolution=80
    )
    ax.scatter(*X.T, c=truth, s=8, alpha=0.5)
    ax.scatter(*X[asked].T, s=70, fc="none", ec="k", lw=1.5)
    title = "8 labels at the start" if number == 0 else f"after round {number}"
    ax.set(title=f"{title}\naccuracy {fitted.score(X, truth):.1%}", xlabel="", ylabel="")
plt.show()
