"""Several annotators as one oracle: what they agree on, and how much they don't."""

import numpy as np
from sklearn.utils._param_validation import StrOptions, validate_parameter_constraints

from skgal.active._answers import Answer
from skgal.active._callable_oracle import as_array
from skgal.active._consult import annotator_name, stream_answers
from skgal.metrics import entropy

_CONSTRAINTS = {
    "oracles": [list, tuple, dict],
    "combine": [StrOptions({"shares", "majority", "mean"})],
    "classes": ["array-like", None],
}


class VotingOracle:
    r"""An oracle of several annotators, all of whom are asked about every sample.

    Parameters
    ----------
    oracles : list of callable, or dict from str to callable
        The annotators, each an oracle itself; a dict names them. The votes they decline, or
        fail to give, are left out.
    combine : {"shares", "majority", "mean"}, default="shares"
        "shares" answers with class probabilities: the share of votes that each class got,
        annotators that answer with probabilities averaged in. "majority" answers with the
        class of the largest share; of classes with equal shares, with that of the annotator
        named first who is for one of them. "mean" is for numbers.
    classes : array-like of shape (n_classes,), default=None
        All classes, sorted. None: those in the ``classes_`` of the annotators.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Only for classes.
    soft : bool
        Whether it answers with class probabilities.

    Notes
    -----
    An answer's ``details``, which a :class:`~skgal.active.LabelStore` keeps, has the
    ``votes``, a dict from annotator to label, and their ``disagreement``: the entropy in nats
    of the shares (vote entropy), or the standard deviation of numbers.

    Annotators are asked side by side, so those that run in parallel do, and an answer is
    passed on as soon as its last vote is there.

    References
    ----------
    S. Argamon-Engelson and I. Dagan, Committee-based sample selection for probabilistic
    classifiers, JAIR 11, 1999: vote entropy, there divided by a constant.

    Examples
    --------
    >>> from skgal.active import LabelOracle, VotingOracle
    >>> X = [[1.0], [2.0]]
    >>> readers = [LabelOracle(X, y) for y in ([0, 1], [0, 1], [0, 0], [1, 0])]
    >>> VotingOracle(readers, classes=[0, 1])(X).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """

    # What a failure means is for the annotators to say: their streams raise where they do.
    on_error = "decline"

    def __init__(self, oracles, combine="shares", *, classes=None):
        self.oracles = oracles
        self.combine = combine
        self.classes = classes
        validate_parameter_constraints(_CONSTRAINTS, vars(self), type(self).__name__)
        if not len(oracles):
            raise ValueError("VotingOracle needs annotators, got none.")
        if combine != "mean" and self._known_classes() is None:
            raise ValueError(
                "Votes for classes need to know all of them; pass classes=, or annotators with "
                'classes_. combine="mean" is for numbers.'
            )

    @property
    def soft(self):
        """Whether it answers with class probabilities."""
        return self.combine == "shares"

    @property
    def classes_(self):
        """The classes it may answer with."""
        if self.combine == "mean":
            raise AttributeError('combine="mean" is for numbers, not for classes.')
        return self._known_classes()

    def stream(self, X):
        """Ask about samples, and pass on each answer when its votes are complete.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows

        Yields
        ------
        Answer
            One for each sample.

        Raises
        ------
        ValueError
            After the last answer, if an annotator failed whose ``on_error`` is not
            ``"decline"``.
        """
        n_annotators = len(self.oracles)
        ballots, errors = {}, []
        for name, vote in _in_turn(self._streams(X), errors):
            ballot = ballots.setdefault(vote.position, {})
            ballot[name] = vote
            if len(ballot) == n_annotators:
                yield self._count(vote.position, ballots.pop(vote.position))
        # Left are the samples to which an annotator whose stream raised owes a vote.
        for position, ballot in sorted(ballots.items()):
            yield self._count(position, ballot)
        if errors:
            raise errors[0]

    def __call__(self, X):
        """Ask about samples.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows

        Returns
        -------
        ndarray of shape (n_asked,), or (n_asked, n_classes) if ``soft``
            NaN where all annotators declined.

        Raises
        ------
        ValueError
            If an annotator failed whose ``on_error`` is not ``"decline"``.
        """
        return as_array(sorted(self.stream(X), key=lambda answer: answer.position))

    def __sklearn_clone__(self):
        return self

    def _annotators(self):
        if isinstance(self.oracles, dict):
            return dict(self.oracles)
        # Numbered, since annotators of one kind would share a name.
        return {
            f"{number}: {annotator_name(oracle)}": oracle
            for number, oracle in enumerate(self.oracles)
        }

    def _known_classes(self):
        if self.classes is not None:
            return np.unique(self.classes)
        known = [getattr(oracle, "classes_", None) for oracle in self._annotators().values()]
        if any(classes is None for classes in known):
            return None
        return np.unique(np.concatenate(known))

    def _streams(self, X):
        classes = None if self.combine == "mean" else self._known_classes()
        for name, oracle in self._annotators().items():
            yield name, stream_answers(oracle, X, classes=classes, closed=classes is not None)

    def _count(self, position, votes):
        """Make one answer of all votes for a sample."""
        given = {name: vote for name, vote in votes.items() if vote.status == "answered"}
        answer = Answer(
            position,
            None,
            annotator=", ".join(given or votes),
            seconds=float(np.sum([vote.seconds for vote in votes.values()])),
            details=_details(votes),
        )
        if not given:
            failed = [f"{n}: {v.message}" for n, v in votes.items() if v.status == "failed"]
            return answer.failed("; ".join(failed)) if failed else answer.declined()
        if self.combine == "mean":
            numbers = [vote.label for vote in given.values()]
            label, disagreement = float(np.mean(numbers)), float(np.std(numbers))
        else:
            ballots = np.array([self._shares(vote.label) for vote in given.values()])
            shares = ballots.mean(axis=0)
            disagreement = float(entropy(shares[np.newaxis])[0])
            label = shares if self.soft else self._majority(ballots, shares)
        answer.details["disagreement"] = disagreement
        return answer._replace(label=label)

    def _shares(self, label):
        if isinstance(label, np.ndarray):
            return label
        return (self._known_classes() == label).astype(np.float64)

    def _majority(self, ballots, shares):
        winners = np.isclose(shares, shares.max())
        backed = ballots.argmax(axis=1)
        decisive = next((k for k in backed if winners[k]), shares.argmax())
        return self._known_classes()[decisive].item()


def _in_turn(streams, errors):
    """Take a vote from each annotator in turn; one whose stream raises is not asked further."""
    streams = dict(streams)
    while streams:
        for name, stream in list(streams.items()):
            try:
                yield name, next(stream)
            except StopIteration:
                del streams[name]
            except Exception as error:  # one's failure, raised when the others have answered
                error.add_note(f"This was annotator {name!r}.")
                errors.append(error)
                del streams[name]


def _details(votes):
    """What is kept of the votes, in types that JSON knows."""
    details = {"votes": {}, "disagreement": None}
    for name, vote in votes.items():
        if vote.status == "answered":
            soft = isinstance(vote.label, np.ndarray)
            details["votes"][name] = vote.label.tolist() if soft else vote.label
        elif vote.status == "failed":
            details.setdefault("failed", {})[name] = vote.message
    return details
