"""
Which strategy is best here?
============================

With a completely labelled set, labelling can be simulated. :func:`~skgal.active.compare_strategies`
does so with several seeds, always beside random sampling, in pairs: every strategy starts from the
same labels.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skgal import ActiveLearner, CoreSet, RandomSampling, UncertaintySampling, compare_strategies
from skgal.inspection import LabelEfficiencyDisplay

X, y = load_digits(return_X_y=True)
classifier = LogisticRegression(max_iter=300)
strategies = {
    "margin": UncertaintySampling("margin_of_confidence"),
    "entropy": UncertaintySampling("entropy"),
    "core set": CoreSet(),
}
comparison = compare_strategies(
    classifier, strategies, {"digits": (X / 16, y)}, seeds=3, batch_size=20, budget=160
)

# %%
# The curves with the range over seeds. How many labels does each need to reach what random sampling
# reaches?

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
LabelEfficiencyDisplay.from_comparison(comparison, "digits", ax=ax)
ax.set_ylabel("accuracy on held-out digits")
plt.show()

# %%
# A strategy is a parameter like any other, so a search chooses it together with the classifier's
# own:

search = GridSearchCV(
    ActiveLearner(classifier, RandomSampling(), budget=100, batch_size=20, random_state=0),
    {"strategy": list(strategies.values())[:2], "estimator__C": [0.1, 1]},
    cv=2,
).fit(X[:800] / 16, y[:800])
search.best_params_
