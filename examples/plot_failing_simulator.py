"""
A simulator that fails
======================

Newton's method finds no voltage for a fifth of the power lines it is asked about. A call that fails
is spent all the same, so the learner records it as failed and looks elsewhere; nothing stops,
nothing is lost.
"""

import logging

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgal import (
    ActiveLearner,
    CallableOracle,
    DesignBox,
    LatentUncertainty,
    SpaceFilling,
    make_feeder,
)

logging.getLogger("skgal").setLevel(logging.ERROR)  # or read of each failure as it happens
lines = make_feeder(60, n_test=3000, random_state=0)

# %%
# ``on_error="decline"`` turns an exception of one design into an answer that is no label. The other
# designs of its batch keep theirs. (``retries=``, ``timeout=`` and ``n_jobs=`` are there too.)

model = make_pipeline(StandardScaler(), SVC(C=100))
learners = {}
for name, strategy in {
    "Sobol sequence": SpaceFilling(DesignBox()),
    "uncertainty": LatentUncertainty(DesignBox()),
}.items():
    learners[name] = ActiveLearner(
        model,
        strategy,
        oracle=CallableOracle(lines.oracle, on_error="decline"),
        batch_size=15,
        budget=90,
        random_state=0,
    ).fit(lines.X, lines.y)

# %%
# What was asked, and what became of it, is in the store:

records = {name: learner.store_.records() for name, learner in learners.items()}
{name: [record.status for record in of].count("failed") for name, of in records.items()}

# %%
# Each point is a power line that was computed. Many of the Sobol designs ask for what the solver
# can't do; uncertainty sampling keeps away from where it has failed before, and has more labels for
# the same number of runs.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained", sharex=True, sharey=True)
i, j = 1, 3
for ax, (name, of) in zip(axes, records.items(), strict=True):
    X = np.array([record.X for record in of])
    answered = np.array([record.status == "answered" for record in of])
    ax.scatter(*X[answered][:, [i, j]].T, marker="o", c="C0", label="answered")
    ax.scatter(*X[~answered][:, [i, j]].T, marker="x", c="C1", label="failed")
    score = learners[name].score(lines.X_test, lines.y_test)
    ax.set(
        xlabel=f"{lines.feature_names[i]} ({lines.units[i]})",
        ylabel=f"{lines.feature_names[j]} ({lines.units[j]})",
        title=f"{name}: {(~answered).sum()} of {len(of)} failed, accuracy {score:.1%}",
    )
axes[0].legend(loc="lower left", bbox_to_anchor=(0, -0.25), ncols=2)
plt.show()
