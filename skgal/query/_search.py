"""The search for latent points of which a classifier is least sure."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skgal.exceptions import NotDifferentiableError
from skgal.query._scores import SCORES, resolve_score
from skgal.utils import draw_seed, seeded_nets


class LatentSearch:
    """Mixin of strategies with a ``generator_`` that search its latent space.

    A subclass also has the parameters ``measure``, ``search``, ``max_iter``, ``learning_rate``
    and ``tol``.
    """

    _parameter_constraints = {
        "measure": [StrOptions(set(SCORES))],
        "search": [StrOptions({"auto", "gradient", "evolution"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
    }

    def check_model(self, clf, X):
        """Refuse a model that doesn't say how unsure it is, or has not the gradient it needs."""
        score = resolve_score(self.measure, clf)
        if self.search == "gradient":
            # Not at the top: it imports torch, which `import skgal.query` does without.
            from skgal.differentiable import differentiable

            differentiable(clf, score.method)

    def _search(self, clf, n_points, rng):
        """Find latent points of which the classifier is unsure.

        Parameters
        ----------
        clf : fitted classifier
        n_points : int
        rng : numpy.random.RandomState

        Returns
        -------
        ndarray of shape (n_points, latent_dim)
            The one with the highest score first.
        """
        score = resolve_score(self.measure, clf)
        start = self.generator_.sample_latent(n_points, random_state=draw_seed(rng))
        with seeded_nets(clf, draw_seed(rng)):
            latent, values = self._maximise(score, clf, start, rng)
        return latent[np.argsort(-values, kind="stable")]

    def _maximise(self, score, clf, start, rng):
        distribution = self.generator_.latent_distribution_
        stopping = {"max_iter": self.max_iter, "tol": self.tol}
        # Not at the top: it imports torch, which `import skgal.query` does without.
        from skgal.differentiable import evolve_latent, search_latent

        if self.search != "evolution":
            try:
                function, device = _differentiable_score(score, clf, self.generator_, start)
            except NotDifferentiableError:
                if self.search == "gradient":
                    raise
            else:
                return search_latent(
                    function,
                    start,
                    support=distribution.support(),
                    learning_rate=self.learning_rate,
                    device=device,
                    **stopping,
                )
        return evolve_latent(
            lambda latent: score.rate(clf, self.generator_.generate(latent)),
            start,
            distribution,
            rng,
            **stopping,
        )


def _differentiable_score(score, clf, generator, start):
    """Chain generator, classifier and score, all on the generator's device."""
    import torch

    from skgal import differentiable as of_torch

    generate = of_torch.differentiable(generator, "generate")
    rate = of_torch.differentiable(clf, score.method)
    of_tensors = getattr(of_torch, score.of_tensors)
    with torch.no_grad():
        device = generate(torch.tensor(start[:1], dtype=torch.float32)).device
    rate.to(device)
    return lambda latent: of_tensors(rate(generate(latent))), device
