"""Sessions that are taken up again: after a crash, in another process, with other data."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skgal.active import Answer, LabelOracle, LabelStore
from skgal.exceptions import StoreMismatchError
from skgal.generators import GIN
from skgal.query import LatentRandom, RandomSampling

# Another process, or a later one


def test_another_process_may_tell(path, blobs, partial, make_learner):
    _, y = blobs
    learner = make_learner(path).fit(*partial)
    query = learner.ask(3)
    with LabelStore(path) as other:
        other.tell(query.ids, y[query.indices], annotator="elsewhere")
    assert len(learner.pending_) == 0
    learner.ask(1)
    assert learner.history_[-1]["n_labels"] == 9


@pytest.mark.parametrize("resume", [False, True], ids=["fit", "resume"])
def test_session_that_is_dropped_anywhere_goes_on_as_if_never_dropped(
    path, blobs, partial, resume, make_learner, summary
):
    X, y = blobs
    validation = {"X_val": X, "y_val": y}
    unbroken = make_learner().fit(*partial, **validation)
    broken = make_learner(path).fit(*partial, **validation)

    def drop():
        if not resume:
            return make_learner(path).fit(*partial, **validation)
        # The seed is the store's, so another one changes nothing.
        return make_learner(random_state=5).resume(path, *partial, **validation)

    while len(query := unbroken.ask()):
        broken = drop()
        again = broken.ask()
        assert again.ids.tolist() == query.ids.tolist()
        assert again.indices.tolist() == query.indices.tolist()
        broken = drop()
        first, rest = query.ids[:2], query.ids[2:]
        unbroken.tell(first, y[query.indices[:2]]).tell(rest, y[query.indices[2:]])
        broken.tell(first, y[query.indices[:2]])
        broken = drop()
        assert broken.pending_.ids.tolist() == rest.tolist()
        broken.tell(rest, y[query.indices[2:]])
    assert len(broken.ask()) == 0
    assert summary(broken) == summary(unbroken)
    assert summary(drop()) == summary(unbroken)


def test_undo_and_ignore_survive_as_well(path, blobs, partial, make_learner):
    _, y = blobs
    learner = make_learner(path).fit(*partial)
    query = learner.ask(4)
    learner.ignore(query.ids[:1]).tell(query.ids[1:], y[query.indices[1:]])
    undone = learner.undo()
    again = make_learner(path).fit(*partial)
    assert again.pending_.ids.tolist() == [undone]
    assert again.labelled_.n_bought == 2
    assert query.indices[0] not in again.ask().indices


class Tiring:
    """Answers for ``n`` samples, then is interrupted; counts what it is asked."""

    def __init__(self, X, y, n):
        self.X, self.y, self.n, self.asked = X, y, n, []

    def stream(self, X):
        for position, sample in enumerate(X):
            if len(self.asked) == self.n:
                self.n = None
                raise KeyboardInterrupt
            (row,) = np.flatnonzero((sample == self.X).all(axis=1))
            self.asked.append(int(row))
            yield Answer(position, self.y[row], "simulator", 0.5)

    def __sklearn_clone__(self):
        return self


@pytest.mark.parametrize("n", range(1, 12))
def test_interrupted_fit_keeps_what_came_and_the_same_call_goes_on(
    path, blobs, partial, n, make_learner, summary
):
    X, y = blobs
    unbroken = make_learner(oracle=Tiring(X, y, None)).fit(*partial)
    oracle = Tiring(X, y, n)
    learner = make_learner(path, oracle=oracle)
    with pytest.raises(KeyboardInterrupt) as caught:
        learner.fit(*partial)
    assert learner.labelled_.n_bought == n
    assert "labelled_" in caught.value.__notes__[-1]
    assert str(path) in caught.value.__notes__[-1]
    assert learner.predict(X).shape == (40,)
    learner.fit(*partial)
    assert len(oracle.asked) == len(set(oracle.asked)) == 12
    assert summary(learner) == summary(unbroken)


def test_answers_of_a_stream_are_on_disk_before_the_next_is_asked_for(
    path, blobs, partial, make_learner
):
    X, y = blobs
    n_seen = []

    class Suspicious(Tiring):
        def stream(self, X):
            for answer in super().stream(X):
                yield answer
                with LabelStore(path) as other:
                    n_seen.append(other.counts()["answered"])

    make_learner(path, oracle=Suspicious(X, y, None)).fit(*partial)
    assert n_seen == list(range(1, 13))


def test_budget_is_that_of_the_whole_session(path, blobs, partial, make_learner):
    X, y = blobs
    oracle = Tiring(X, y, None)
    make_learner(path, oracle=oracle, budget=6).fit(*partial)
    learner = make_learner(path, oracle=oracle, budget=10).fit(*partial)
    assert len(oracle.asked) == 10
    assert learner.labelled_.n_bought == 10
    make_learner(path, oracle=oracle, budget=3).fit(*partial)
    assert len(oracle.asked) == 10


def test_unseeded_session_keeps_its_luck(path, blobs, make_learner, summary):
    X, y = blobs
    parameters = {"strategy": RandomSampling(), "random_state": None}
    first = make_learner(path, budget=4, **parameters).fit(X, y)
    again = make_learner(path, budget=8, **parameters).fit(X, y)
    assert again.labelled_.indices[:14].tolist() == first.labelled_.indices.tolist()
    unbroken = make_learner(budget=8, **parameters)
    unbroken.set_params(random_state=first.store_.read_meta("seed"))
    assert summary(unbroken.fit(X, y)) == summary(again)


def test_designed_samples_survive_with_their_latent_points(path, blobs, make_learner):
    X, y = blobs
    generator = FrozenEstimator(GIN(max_iter=1, random_state=0).fit(X))
    parameters = {"strategy": LatentRandom(generator), "budget": 8}
    teacher = LogisticRegression().fit(X, y)
    unbroken = make_learner(oracle=teacher.predict_proba, **parameters).fit(X, y)
    learner = make_learner(path, **parameters).fit(X, y)
    query = learner.ask()
    learner.tell(query.ids[1:], teacher.predict_proba(query.X[1:]))
    learner = make_learner(path, oracle=teacher.predict_proba, **parameters).fit(X, y)
    np.testing.assert_array_equal(learner.labelled_.X, unbroken.labelled_.X)
    assert learner.labelled_.X.dtype == unbroken.labelled_.X.dtype
    np.testing.assert_array_equal(learner.labelled_.latent, unbroken.labelled_.latent)
    np.testing.assert_allclose(learner.labelled_.proba, unbroken.labelled_.proba)


def test_rows_of_frames_survive(path, blobs, make_learner):
    X, y = blobs
    frame = pd.DataFrame({"a": X[:, 0], "b": np.arange(40)})
    generator = FrozenEstimator(GIN(max_iter=1, random_state=0).fit(frame))
    parameters = {"strategy": LatentRandom(generator), "budget": 4}
    learner = make_learner(path, **parameters).fit(frame, y)
    designed = learner.ask().X
    learner = make_learner(path, **parameters).fit(frame, y)
    learner.tell(learner.pending_, [0, 1, 0, 1])
    pd.testing.assert_frame_equal(
        learner.labelled_.X[40:].reset_index(drop=True), designed.reset_index(drop=True)
    )
    assert learner.labelled_.X.dtypes.tolist() == frame.dtypes.tolist()


@pytest.mark.parametrize("form", ["dask", "zarr"])
def test_pools_on_disk_survive(path, blobs, partial, make_learner, form):
    X, y = blobs
    package = pytest.importorskip(
        "dask.array" if form == "dask" else "zarr", reason=f"needs {form}"
    )
    pool = package.from_array(X, chunks=(15, 2)) if form == "dask" else package.array(X)
    learner = make_learner(path, oracle=LabelOracle(X, y), budget=4).fit(pool, partial[1])
    longer = make_learner(path, oracle=LabelOracle(X, y), budget=8).fit(pool, partial[1])
    assert longer.labelled_.indices.tolist()[:10] == learner.labelled_.indices.tolist()
    with pytest.raises(StoreMismatchError, match="another data set"):
        make_learner(path, oracle=LabelOracle(X, y)).fit(X[::-1], partial[1])


def test_a_store_object_serves_several_fits(blobs, partial, make_learner):
    X, y = blobs
    with LabelStore() as store:
        learner = make_learner(store, oracle=Tiring(X, y, 5))
        with pytest.raises(KeyboardInterrupt):
            learner.fit(*partial)
        assert clone(learner).fit(*partial).labelled_.n_bought == 12
        assert store.counts()["answered"] == 12


# Another data set, another session


def test_store_of_other_samples_is_refused(path, blobs, partial, make_learner):
    X, y = blobs
    make_learner(path, oracle=Tiring(X, y, None)).fit(*partial)
    content = path.read_bytes()
    for other in (X + 1, X[::-1].copy(), X[:30], pd.DataFrame(X)):
        with pytest.raises(StoreMismatchError, match=r"another data set.*another store"):
            make_learner(path).fit(other, partial[1][: len(other)])
    with pytest.raises(StoreMismatchError, match=r"began with other labels.*the y it began with"):
        make_learner(path).fit(X, y)
    with LabelStore(path) as store:
        assert store.counts()["answered"] == 12
    assert path.read_bytes() == content


def test_resuming_needs_something_to_resume(path, partial, make_learner):
    with pytest.raises(FileNotFoundError, match="no store"):
        make_learner().resume(path, *partial)
    LabelStore(path).close()
    with pytest.raises(ValueError, match="holds no session"):
        make_learner().resume(path, *partial)
