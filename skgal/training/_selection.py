"""Keeping the best generator of a training, by the Fréchet distance of what it draws."""

from copy import deepcopy

from skorch.callbacks import Callback

from skgal.metrics import frechet_distance


class BestGenerator(Callback):
    r"""Put back, at the end, the generator of the least smoothed Fréchet distance.

    .. math:: \hat d_t = \alpha \hat d_{t-1} + (1 - \alpha) d_t, \quad \hat d_1 = d_1

    with :math:`d_t` the distance at the t-th evaluation. The history gets the columns
    ``frechet_distance`` and ``smoothed_frechet_distance``, NaN in rows between evaluations. In a
    training too short for any, the last generator is kept, and measured at the end.

    Parameters
    ----------
    extract : callable
        Maps generated samples, an ndarray of shape (n, ...) as networks see them, to features.
    real_features : ndarray of shape (n_samples, n_features)
        Features of as many real samples as are to be generated at each evaluation.
    every : int
        Updates between evaluations, rounded up to whole epochs.
    smoothing : float
        :math:`\alpha`, in [0, 1).
    patience : int or None
        Evaluations without a new best after which training stops. None: it doesn't.

    References
    ----------
    .. [1] Selective augmentation, section 3.2, equation (2).
    """

    def __init__(self, extract, real_features, *, every, smoothing, patience):
        self.extract = extract
        self.real_features = real_features
        self.every = every
        self.smoothing = smoothing
        self.patience = patience

    def initialize(self):
        """Forget the evaluations of an earlier training."""
        self._state = {"smoothed": None, "best": None, "weights": None, "misses": 0, "due": 0}
        return self

    def on_train_begin(self, net, **kwargs):
        """Note which update is the last, if nothing stops the training before."""
        self._last = net.n_updates_ + net.max_iter

    def state_dict(self):
        """Return what a training that goes on must know."""
        return self._state

    def load_state_dict(self, state):
        """Go on from what a killed training knew."""
        self._state = state

    def on_epoch_end(self, net, **kwargs):
        """Evaluate the generator, if it is time to; stop if it has not improved for long."""
        state, distance, smoothed = self._state, float("nan"), float("nan")
        is_due = net.n_updates_ >= state["due"] + self.every
        if is_due or (net.n_updates_ == self._last and state["best"] is None):
            generator, samples = net.preview(len(self.real_features))
            distance = frechet_distance(self.real_features, self.extract(samples))
            smoothed = self._smooth(distance)
        if is_due:
            state["due"] = net.n_updates_
            self._compare(smoothed, generator)
        net.history.record("frechet_distance", distance)
        net.history.record("smoothed_frechet_distance", smoothed)
        if self.patience is not None and state["misses"] >= self.patience:
            raise KeyboardInterrupt  # how skorch's callbacks say that it is enough

    def on_train_end(self, net, **kwargs):
        """Put the best generator back, and let go of what only the training needed."""
        if self._state["weights"] is not None:
            net.generator_.load_state_dict(self._state["weights"])
        self.extract = self.real_features = None
        self.initialize()

    def _smooth(self, distance):
        last = self._state["smoothed"]
        if last is not None:
            distance = self.smoothing * last + (1 - self.smoothing) * distance
        self._state["smoothed"] = distance
        return distance

    def _compare(self, smoothed, generator):
        best = self._state["best"]
        if best is None or smoothed < best:
            weights = deepcopy(generator.state_dict())
            self._state |= {"best": smoothed, "weights": weights, "misses": 0}
        else:
            self._state["misses"] += 1
