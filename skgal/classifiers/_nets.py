"""What a classifier trained by skorch needs around it: batches, soft targets, a quick training."""

from functools import partial

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn.modules import activation
from torch.utils.data import DataLoader, RandomSampler

from skgal.nn import make_classifier, torch_defaults
from skgal.utils import seeded_torch, stopped_by_interrupt


class UpdatesLoader(DataLoader):
    """A skorch ``iterator_train`` with the same number of batches an epoch for any data set.

    A classifier that learns from a growing labelled set otherwise makes more updates each
    round, which alone improves it. With this loader rounds, and arms of a comparison, differ
    in their data only.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Samples to draw batches from.
    batch_size : int, default=64
        Samples a batch.
    updates_per_epoch : int, default=50
        Batches an epoch.
    **kwargs
        Further parameters of :class:`torch.utils.data.DataLoader`.

    See Also
    --------
    fit_classifier : Trains for a number of updates by it.
    skgal.training.TrainingData : The batches of a generator.

    Examples
    --------
    >>> from skgal.classifiers import UpdatesLoader
    >>> sum(1 for batch in UpdatesLoader([1.0, 2.0, 3.0], batch_size=2, updates_per_epoch=5))
    5
    """

    def __init__(self, dataset, batch_size=64, updates_per_epoch=50, **kwargs):
        sampler = RandomSampler(dataset, num_samples=batch_size * updates_per_epoch)
        super().__init__(dataset, batch_size=batch_size, sampler=sampler, **kwargs)


class SoftNLLLoss(nn.NLLLoss):
    r"""Negative log likelihood of classes or of class probabilities.

    For probabilities :math:`p`, class weights :math:`w` and log-probabilities :math:`x` the
    loss of a sample is :math:`-\sum_k w_k p_k x_k`. It is linear in :math:`p`: a row that sums
    to 2 counts twice. As in :class:`torch.nn.CrossEntropyLoss`, the mean over probabilities is
    the mean over samples, whatever the class weights.

    Parameters
    ----------
    weight : Tensor of shape (n_outputs,), default=None
        Of each class; None: 1.
    size_average : bool, default=None
        Deprecated by torch in favour of ``reduction``.
    ignore_index : int, default=-100
        A class that counts for nothing.
    reduce : bool, default=None
        Deprecated by torch in favour of ``reduction``.
    reduction : {"none", "mean", "sum"}, default="mean"
        What is made of the losses of a batch.

    See Also
    --------
    SoftCrossEntropyLoss : For nets that output logits.
    accept_soft_targets : Puts one into a net.

    Examples
    --------
    >>> import torch
    >>> from skgal.classifiers import SoftNLLLoss
    >>> log_proba = torch.tensor([[0.25, 0.75]]).log()
    >>> hard = SoftNLLLoss()(log_proba, torch.tensor([1]))
    >>> soft = SoftNLLLoss()(log_proba, torch.tensor([[0.0, 1.0]]))
    >>> bool(hard == soft)
    True
    """

    def forward(self, input, target):
        """Compute the loss.

        Parameters
        ----------
        input : Tensor of shape (n_samples, n_outputs)
            Log-probabilities.
        target : Tensor of shape (n_samples,) or (n_samples, n_classes)
            Classes as integers, or class probabilities as floats.

        Returns
        -------
        Tensor
            The mean over the samples, or what ``reduction`` says.
        """
        if not target.is_floating_point():
            return super().forward(input, target)
        target = _widened(target, input.shape[1])
        if self.weight is not None:
            target = target * self.weight
        losses = -(target * input).sum(dim=1)
        return {"none": losses, "mean": losses.mean(), "sum": losses.sum()}[self.reduction]


class SoftCrossEntropyLoss(nn.CrossEntropyLoss):
    """Cross-entropy of classes or of class probabilities, for nets that output logits.

    :class:`torch.nn.CrossEntropyLoss`, except that probabilities may lack the last columns: a
    class without samples so far has probability 0.

    Parameters
    ----------
    weight : Tensor of shape (n_outputs,), default=None
        Of each class; None: 1.
    size_average : bool, default=None
        Deprecated by torch in favour of ``reduction``.
    ignore_index : int, default=-100
        A class that counts for nothing.
    reduce : bool, default=None
        Deprecated by torch in favour of ``reduction``.
    reduction : {"none", "mean", "sum"}, default="mean"
        What is made of the losses of a batch.
    label_smoothing : float in [0, 1], default=0.0
        Share of the probability that is spread over all classes.

    See Also
    --------
    SoftNLLLoss : For nets that output probabilities.
    accept_soft_targets : Puts one into a net.

    Examples
    --------
    >>> import torch
    >>> from skgal.classifiers import SoftCrossEntropyLoss
    >>> loss = SoftCrossEntropyLoss()
    >>> logits = torch.tensor([[2.0, 0.0, 0.0]])
    >>> loss(logits, torch.tensor([0]))
    tensor(0.2395)
    >>> loss(logits, torch.tensor([[0.5, 0.5]]))  # nothing is known of the third class
    tensor(1.2395)
    """

    def forward(self, input, target):
        """Compute the loss.

        Parameters
        ----------
        input : Tensor of shape (n_samples, n_outputs)
            Logits.
        target : Tensor of shape (n_samples,) or (n_samples, n_classes)
            Classes as integers, or class probabilities as floats.

        Returns
        -------
        Tensor
            The mean over the samples, or what ``reduction`` says.
        """
        if target.is_floating_point():
            target = _widened(target, input.shape[1])
        return super().forward(input, target)


def accept_soft_targets(net):
    """Make a skorch classifier train on class probabilities, one row for each sample.

    Its criterion becomes one for probabilities; a stratified ``train_split`` is stratified by
    the most probable classes; the default ``valid_acc``, an accuracy that only classes have,
    goes. All else stays, callbacks of the user's own included.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        Changed in place; not fitted yet.

    Raises
    ------
    TypeError
        If the net's criterion knows no class probabilities.

    See Also
    --------
    weighted_targets : Gives samples weights.
    fit_estimator : Fits any estimator to soft labels.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> from skgal.classifiers import accept_soft_targets
    >>> net = NeuralNetClassifier(
    ...     torch.nn.Linear(2, 2), criterion=torch.nn.CrossEntropyLoss, train_split=None, verbose=0
    ... )
    >>> accept_soft_targets(net)
    >>> X = np.array([[0, 1], [1, 0]], dtype=np.float32)
    >>> net.fit(X, np.array([[0.9, 0.1], [0.3, 0.7]], dtype=np.float32)).predict_proba(X).shape
    (2, 2)
    """
    net.set_params(**_soft_criterion(net))
    if net.train_split:
        net.set_params(train_split=MostProbableClassSplit(net.train_split))
    if net.callbacks != "disable" and "callbacks__valid_acc" in net.get_params():
        net.set_params(callbacks__valid_acc=None)


def weighted_targets(proba, sample_weight=None):
    """Scale class probabilities so that a sample's loss has its weight.

    Cross-entropy is linear in its target. Weights are normalised to a mean of 1, so that the
    learning rate means what it meant without them.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Class probabilities.
    sample_weight : ndarray of shape (n_samples,), default=None
        Not negative; None: all alike.

    Returns
    -------
    ndarray of shape (n_samples, n_classes), dtype float32
        The probabilities, times the weight of the sample.

    See Also
    --------
    accept_soft_targets : Has a net train on them.
    one_hot : Makes class probabilities of labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.classifiers import weighted_targets
    >>> weighted_targets(np.array([[1.0, 0.0], [0.5, 0.5]]), [3.0, 1.0])
    array([[1.5 , 0.  ],
           [0.25, 0.25]], dtype=float32)
    """
    if sample_weight is not None:
        proba = proba * (sample_weight / np.mean(sample_weight))[:, np.newaxis]
    return np.asarray(proba, dtype=np.float32)


class MostProbableClassSplit:
    """A skorch ``train_split`` that sees the most probable class of each sample."""

    def __init__(self, split):
        self.split = split

    def __call__(self, dataset, y=None, **fit_params):
        """Split a data set."""
        most_probable = None if y is None else np.asarray(y).argmax(axis=1)
        return self.split(dataset, most_probable, **fit_params)


def _soft_criterion(net):
    """Parameters of the net that make its criterion one for class probabilities."""
    criterion = net.criterion
    cls = criterion if isinstance(criterion, type) else type(criterion)
    if issubclass(cls, SoftNLLLoss | SoftCrossEntropyLoss):
        return {}
    soft_cls = {nn.NLLLoss: SoftNLLLoss, nn.CrossEntropyLoss: SoftCrossEntropyLoss}.get(cls)
    if soft_cls is None:
        raise TypeError(
            "Soft or weighted labels need a criterion that takes class probabilities: "
            "torch.nn.CrossEntropyLoss, torch.nn.NLLLoss, or your own subclass of "
            f"skgal.classifiers.SoftNLLLoss or SoftCrossEntropyLoss; got {cls.__name__}. Change "
            "the net's criterion, or use hard labels and synthetic_weight=1."
        )
    if criterion is cls or net.get_params_for("criterion"):
        return {"criterion": soft_cls}
    # skorch takes a new criterion as a class only, so an instance's parameters move to the net.
    names = ("weight", *criterion.__constants__)
    return {
        "criterion": soft_cls,
        **{f"criterion__{name}": getattr(criterion, name) for name in names},
    }


def _widened(target, n_outputs):
    """Add columns of zeros for outputs whose classes aren't known yet."""
    n_classes = target.shape[1]
    if n_classes > n_outputs:
        raise ValueError(
            f"The labels have {n_classes} classes, but the net has {n_outputs} outputs; give its "
            "module one output for each class, or number the classes from 0."
        )
    if n_classes == n_outputs:
        return target
    return torch.nn.functional.pad(target, (0, n_outputs - n_classes))


def fit_reference_classifier(architecture, tensor, labels, *, max_iter=500, seed, device):
    """Train a classifier whose hidden layers are those of an architecture's critic.

    Where a score needs a classifier and the user has given none: it suits the data as the
    generator's critic does.

    Parameters
    ----------
    architecture : skgal.nn.Architecture
        What the classifier's hidden layers are made by.
    tensor : ndarray of shape (n_samples, *shape), dtype float32
        Samples as networks see them.
    labels : ndarray of shape (n_samples,), dtype int64
        Their classes, from 0.
    max_iter : int, default=500
        Number of updates, on batches of 64.
    seed : int
        Decides initial weights and batches.
    device : str
        Where it is trained.

    Returns
    -------
    skorch.NeuralNetClassifier
        The fitted net.

    See Also
    --------
    fit_classifier : Trains any skorch net.
    skgal.nn.make_classifier : Builds the network.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.classifiers import fit_reference_classifier
    >>> from skgal.features import penultimate_features
    >>> from skgal.nn import Dense
    >>> from skgal.utils import seeded_nets
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    >>> net = fit_reference_classifier(
    ...     Dense(hidden=(8,)), X, np.array([0, 1]), max_iter=100, seed=0, device="cpu"
    ... )
    >>> with seeded_nets(net):
    ...     net.predict(X).tolist(), penultimate_features(net, X).shape
    ([0, 1], (2, 8))
    """
    make_module = partial(make_classifier, architecture, tensor.shape[1:], int(labels.max()) + 1)
    return fit_classifier(make_module, tensor, labels, max_iter=max_iter, seed=seed, device=device)


def fit_classifier(make_module, tensor, labels, *, max_iter, seed, device):
    """Train a classifier for a number of updates.

    Batches of 64, Adam, and a seed that decides everything; the time doesn't grow with the
    number of samples.

    Parameters
    ----------
    make_module : callable
        Makes the network, which maps (n, *shape) to logits; called without arguments.
    tensor : ndarray of shape (n_samples, *shape), dtype float32
        Samples in [-1, 1].
    labels : ndarray of shape (n_samples,), dtype int64
        The class of each, from 0.
    max_iter : int
        Number of updates.
    seed : int
        Decides initial weights and batches.
    device : str
        Where it is trained.

    Returns
    -------
    skorch.NeuralNetClassifier
        The fitted net.

    See Also
    --------
    fit_reference_classifier : Chooses the network as well.
    fit_estimator : Fits whatever the user brings.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgal.classifiers import fit_classifier
    >>> X = np.array([[-1.0], [1.0]], dtype=np.float32)
    >>> net = fit_classifier(
    ...     lambda: torch.nn.Linear(1, 2), X, np.array([0, 1]), max_iter=200, seed=0, device="cpu"
    ... )
    >>> net.predict(X)
    array([0, 1])
    """
    net = NeuralNetClassifier(
        make_module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=1e-3,
        max_epochs=1,
        iterator_train=UpdatesLoader,
        iterator_train__batch_size=64,
        iterator_train__updates_per_epoch=max_iter,
        train_split=None,
        verbose=0,
        device=device,
    )
    with seeded_torch(seed), torch_defaults(), stopped_by_interrupt():
        return net.fit(tensor, labels)


# The last of torch's activations are those of outputs.
_NOT_HIDDEN = (
    activation.MultiheadAttention,
    activation.Softmax,
    activation.Softmax2d,
    activation.LogSoftmax,
)


def find_layers(module, names=None):
    """Find submodules by name, or all hidden activations."""
    if names is None:
        layers = [layer for layer in module.modules() if _is_hidden_activation(layer)]
        if not layers:
            raise ValueError(
                "The module has no hidden activation that is a torch.nn module; name the "
                "submodules whose outputs are to be seen by layers."
            )
        return layers
    known = dict(module.named_modules())
    unknown = sorted(set(names) - set(known))
    if unknown or not names:
        raise ValueError(
            f"layers must name submodules of the module, got {list(names)}; there are "
            f"{[name for name in known if name]}."
        )
    return [known[name] for name in names]


def _is_hidden_activation(layer):
    return type(layer).__module__ == activation.__name__ and not isinstance(layer, _NOT_HIDDEN)
