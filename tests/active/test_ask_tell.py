"""Sessions in which somebody else brings the labels, and sessions that are taken up again."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier

from skgal.active import ActiveLearner, Answer, LabelOracle, LabelStore
from skgal.base import PoolStrategy
from skgal.exceptions import StoreMismatchError
from skgal.generators import GIN
from skgal.query import LatentRandom, RandomSampling, UncertaintySampling


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.db"


@pytest.fixture
def partial(blobs):
    """The blobs, and labels of the first ten of each class."""
    X, y = blobs
    rank = np.where(y == 0, np.cumsum(y == 0), np.cumsum(y == 1))
    return X, np.where(rank <= 3, y, np.nan)


def make(path=None, **parameters):
    defaults = {"batch_size": 4, "budget": 12, "random_state": 0, "store": path}
    strategy = parameters.pop("strategy", UncertaintySampling())
    return ActiveLearner(LogisticRegression(), strategy, **{**defaults, **parameters})


def summary(learner):
    """What two sessions must have in common to be the same."""
    rows = [{k: v for k, v in row.items() if "seconds" not in k} for row in learner.history_]
    record = learner.labelled_
    proba = None if record.proba is None else record.proba.tolist()
    latent = None if record.latent is None else record.latent[record.is_synthetic].tolist()
    return repr(
        (
            record.indices.tolist(),
            np.asarray(record.X).tolist(),
            record.y.tolist(),
            str(record.y.dtype),
            proba,
            latent,
            rows,
            learner.predict_proba(np.asarray(record.X)).tolist(),
        )
    )


# Asking and telling


def test_asking_and_telling_is_the_simulation_by_hand(blobs, partial):
    X, y = blobs
    simulated = make(oracle=LabelOracle(X, y)).fit(*partial)
    by_hand = make().fit(*partial)
    while len(query := by_hand.ask()):
        by_hand.tell(query, y[query.indices])
    assert summary(by_hand) == summary(simulated)


def test_labels_may_come_in_part_and_out_of_order(blobs, partial):
    X, y = blobs
    straight, crooked = make().fit(*partial), make().fit(*partial)
    first, second = straight.ask(), straight.ask()
    straight.tell(first, y[first.indices]).tell(second, y[second.indices])
    first, second = crooked.ask(), crooked.ask()
    crooked.tell(second.ids[::-1], y[second.indices[::-1]])
    crooked.tell(int(first.ids[2]), y[first.indices[2]])
    assert crooked.pending_.ids.tolist() == first.ids[[0, 1, 3]].tolist()
    np.testing.assert_array_equal(crooked.pending_.X, X[first.indices[[0, 1, 3]]])
    crooked.tell(crooked.pending_, y[crooked.pending_.indices])
    assert crooked.labelled_.indices.tolist() == straight.labelled_.indices.tolist()
    np.testing.assert_array_equal(crooked.estimator_.coef_, straight.estimator_.coef_)


def test_pending_samples_are_not_asked_for_again(partial):
    learner = make(budget=1000).fit(*partial)
    asked = [learner.ask(5).indices for _ in range(8)]
    assert [len(indices) for indices in asked] == [5, 5, 5, 5, 5, 5, 4, 0]
    assert len(set(np.concatenate(asked))) == 34
    assert len(learner.pending_) == 34


def test_model_is_fitted_when_nothing_waits_and_when_asked_for_more(blobs, partial):
    _, y = blobs
    learner = make(budget=100).fit(*partial)

    def n_known():
        return [row["n_labels"] for row in learner.history_]

    query = learner.ask(4)
    learner.tell(query.ids[:1], y[query.indices[:1]])
    assert n_known() == [6]
    learner.ask(2)
    assert n_known() == [6, 7]
    learner.tell(learner.pending_, y[learner.pending_.indices])
    assert n_known() == [6, 7, 12]
    expected = LogisticRegression().fit(learner.labelled_.X, learner.labelled_.y)
    np.testing.assert_array_equal(learner.estimator_.coef_, expected.coef_)


def test_ignored_samples_cost_nothing_and_stay_away(blobs, partial):
    _, y = blobs
    learner = make(budget=4).fit(*partial)
    ignored = learner.ask(3)
    assert len(learner.ask()) == 1
    learner.ignore(ignored)
    assert len(learner.pending_) == 1
    again = learner.ask()
    assert len(again) == 3
    assert not np.isin(again.indices, ignored.indices).any()
    learner.tell(learner.pending_, y[learner.pending_.indices])
    assert learner.labelled_.n_bought == 4
    assert len(learner.ask()) == 0


def test_undo_takes_the_last_answer_back(blobs, partial):
    _, y = blobs
    learner = make().fit(*partial)
    query = learner.ask(2)
    learner.tell(query.ids[:1], [1 - y[query.indices[0]]], annotator="Ada")
    learner.tell(query.ids[1:], y[query.indices[1:]], annotator="Bob")
    assert learner.undo("Ada") == query.ids[0]
    assert learner.labelled_.n_bought == 1
    learner.tell(query.ids[0], y[query.indices[0]])
    np.testing.assert_array_equal(learner.labelled_.y[-2:], y[query.indices])
    assert learner.undo() == query.ids[0]
    assert learner.undo() == query.ids[1]
    assert learner.undo() is None
    # Learned anew from what is left, at the latest when asked.
    learner.ask(1)
    assert learner.history_[-1]["n_labels"] == 6


def test_what_is_no_label_is_named_and_the_rest_is_kept(partial):
    learner = make().fit(*partial)
    query = learner.ask(4)
    with pytest.raises(ValueError, match=r"2 of 4 samples.*sample 1: .*'cat'|mixes|finite|infin"):
        learner.tell(query, [1, np.inf, 0, -np.inf])
    assert learner.labelled_.n_bought == 2
    assert learner.pending_.ids.tolist() == query.ids[[1, 3]].tolist()
    with pytest.raises(ValueError, match="no sample with id 99"):
        learner.tell(99, 1)
    with pytest.raises(ValueError, match=r"each of the 2 samples.*\(1,\)"):
        learner.tell(learner.pending_, [1])
    with pytest.raises(ValueError, match="n must be at least 1"):
        learner.ask(0)
    learner.tell(learner.pending_, [None, np.nan])
    assert learner.store_.counts()["declined"] == 2


def test_soft_labels_and_new_classes(partial):
    learner = make().fit(*partial)
    query = learner.ask(3)
    learner.tell(query.ids[:2], [[0.25, 0.75], [1, 0]]).tell(query.ids[2], 7)
    assert learner.labelled_.classes.tolist() == [0, 1, 7]
    np.testing.assert_array_equal(
        learner.labelled_.proba[-3:], [[0.25, 0.75, 0], [1, 0, 0], [0, 0, 1]]
    )
    assert learner.store_.classes == [0, 1, 7]


def test_numbers(blobs):
    X, _ = blobs
    y = X @ [1.0, -2.0]
    learner = ActiveLearner(Ridge(1e-6), RandomSampling(), random_state=0)
    learner.fit(X, np.where(np.arange(40) < 5, y, np.nan))
    query = learner.ask(5)
    learner.tell(query, y[query.indices])
    np.testing.assert_array_equal(learner.labelled_.y[5:], y[query.indices])
    assert learner.score(X, y) > 0.99
    assert learner.store_.records()[0].belief == pytest.approx(y[query.indices[0]], abs=5)


def test_records_say_who_chose_under_which_model_and_what_it_believed(blobs, partial):
    X, y = blobs
    learner = make().fit(*partial)
    believed = learner.predict_proba(X)
    query = learner.ask(2)
    learner.tell(query, y[query.indices], annotator="Ada", seconds=3)
    learner.ask(1)
    records = learner.store_.records()
    assert [record.round for record in records] == [0, 0, 1]
    assert [record.index for record in records[:2]] == query.indices.tolist()
    assert [record.model for record in records] == [
        "LogisticRegression, 6 labels",
        "LogisticRegression, 6 labels",
        "LogisticRegression, 8 labels",
    ]
    assert records[0].strategy == "UncertaintySampling"
    assert records[0].belief == dict(enumerate(believed[query.indices[0]]))
    assert (records[0].annotator, records[0].seconds) == ("Ada", 3)
    np.testing.assert_array_equal(records[1].X, X[query.indices[1]])
    assert learner.history_[-1]["seconds_oracle"] == 6


# Another process, or a later one


def test_another_process_may_tell(path, blobs, partial):
    _, y = blobs
    learner = make(path).fit(*partial)
    query = learner.ask(3)
    with LabelStore(path) as other:
        other.tell(query.ids, y[query.indices], annotator="elsewhere")
    assert len(learner.pending_) == 0
    learner.ask(1)
    assert learner.history_[-1]["n_labels"] == 9


@pytest.mark.parametrize("resume", [False, True], ids=["fit", "resume"])
def test_session_that_is_dropped_anywhere_goes_on_as_if_never_dropped(path, blobs, partial, resume):
    X, y = blobs
    validation = {"X_val": X, "y_val": y}
    unbroken = make().fit(*partial, **validation)
    broken = make(path).fit(*partial, **validation)

    def drop():
        if not resume:
            return make(path).fit(*partial, **validation)
        # The seed is the store's, so another one changes nothing.
        return make(random_state=5).resume(path, *partial, **validation)

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


def test_undo_and_ignore_survive_as_well(path, blobs, partial):
    _, y = blobs
    learner = make(path).fit(*partial)
    query = learner.ask(4)
    learner.ignore(query.ids[:1]).tell(query.ids[1:], y[query.indices[1:]])
    undone = learner.undo()
    again = make(path).fit(*partial)
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
def test_interrupted_fit_keeps_what_came_and_the_same_call_goes_on(path, blobs, partial, n):
    X, y = blobs
    unbroken = make(oracle=Tiring(X, y, None)).fit(*partial)
    oracle = Tiring(X, y, n)
    learner = make(path, oracle=oracle)
    with pytest.raises(KeyboardInterrupt) as caught:
        learner.fit(*partial)
    assert learner.labelled_.n_bought == n
    assert "labelled_" in caught.value.__notes__[-1]
    assert str(path) in caught.value.__notes__[-1]
    assert learner.predict(X).shape == (40,)
    learner.fit(*partial)
    assert len(oracle.asked) == len(set(oracle.asked)) == 12
    assert summary(learner) == summary(unbroken)


def test_answers_of_a_stream_are_on_disk_before_the_next_is_asked_for(path, blobs, partial):
    X, y = blobs
    n_seen = []

    class Suspicious(Tiring):
        def stream(self, X):
            for answer in super().stream(X):
                yield answer
                with LabelStore(path) as other:
                    n_seen.append(other.counts()["answered"])

    make(path, oracle=Suspicious(X, y, None)).fit(*partial)
    assert n_seen == list(range(1, 13))


def test_budget_is_that_of_the_whole_session(path, blobs, partial):
    X, y = blobs
    oracle = Tiring(X, y, None)
    make(path, oracle=oracle, budget=6).fit(*partial)
    learner = make(path, oracle=oracle, budget=10).fit(*partial)
    assert len(oracle.asked) == 10
    assert learner.labelled_.n_bought == 10
    make(path, oracle=oracle, budget=3).fit(*partial)
    assert len(oracle.asked) == 10


def test_unseeded_session_keeps_its_luck(path, blobs):
    X, y = blobs
    parameters = {"strategy": RandomSampling(), "random_state": None}
    first = make(path, budget=4, **parameters).fit(X, y)
    again = make(path, budget=8, **parameters).fit(X, y)
    assert again.labelled_.indices[:14].tolist() == first.labelled_.indices.tolist()
    unbroken = make(budget=8, **parameters)
    unbroken.set_params(random_state=first.store_.read_meta("seed"))
    assert summary(unbroken.fit(X, y)) == summary(again)


def test_designed_samples_survive_with_their_latent_points(path, blobs):
    X, y = blobs
    generator = FrozenEstimator(GIN(max_iter=1, random_state=0).fit(X))
    parameters = {"strategy": LatentRandom(generator), "budget": 8}
    teacher = LogisticRegression().fit(X, y)
    unbroken = make(oracle=teacher.predict_proba, **parameters).fit(X, y)
    learner = make(path, **parameters).fit(X, y)
    query = learner.ask()
    learner.tell(query.ids[1:], teacher.predict_proba(query.X[1:]))
    learner = make(path, oracle=teacher.predict_proba, **parameters).fit(X, y)
    np.testing.assert_array_equal(learner.labelled_.X, unbroken.labelled_.X)
    assert learner.labelled_.X.dtype == unbroken.labelled_.X.dtype
    np.testing.assert_array_equal(learner.labelled_.latent, unbroken.labelled_.latent)
    np.testing.assert_allclose(learner.labelled_.proba, unbroken.labelled_.proba)


def test_rows_of_frames_survive(path, blobs):
    X, y = blobs
    frame = pd.DataFrame({"a": X[:, 0], "b": np.arange(40)})
    generator = FrozenEstimator(GIN(max_iter=1, random_state=0).fit(frame))
    parameters = {"strategy": LatentRandom(generator), "budget": 4}
    learner = make(path, **parameters).fit(frame, y)
    designed = learner.ask().X
    learner = make(path, **parameters).fit(frame, y)
    learner.tell(learner.pending_, [0, 1, 0, 1])
    pd.testing.assert_frame_equal(
        learner.labelled_.X[40:].reset_index(drop=True), designed.reset_index(drop=True)
    )
    assert learner.labelled_.X.dtypes.tolist() == frame.dtypes.tolist()


def test_a_store_object_serves_several_fits(blobs, partial):
    X, y = blobs
    with LabelStore() as store:
        learner = make(store, oracle=Tiring(X, y, 5))
        with pytest.raises(KeyboardInterrupt):
            learner.fit(*partial)
        assert clone(learner).fit(*partial).labelled_.n_bought == 12
        assert store.counts()["answered"] == 12


# What a store knows already


def test_known_labels_are_never_sent_to_the_oracle(blobs, partial):
    X, y = blobs
    oracle = Tiring(X, y, None)
    unbroken = make(oracle=LabelOracle(X, y)).fit(*partial)
    with LabelStore() as store:
        known = unbroken.labelled_.indices[6:12]
        store.import_labels(X[known].astype(float), y[known], annotator="last year")
        learner = make(store, oracle=oracle).fit(*partial)
        records = store.records()
    assert set(oracle.asked) == set(unbroken.labelled_.indices[12:])
    assert summary(learner) == summary(unbroken)
    assert sum(record.annotator == "last year" for record in records) == 12
    assert any("the same as sample" in (record.message or "") for record in records)


def test_twins_are_bought_once(blobs, partial):
    X, y = blobs
    X = np.repeat(X, 2, axis=0)
    known = np.repeat(partial[1], 2)
    asked = []

    def oracle(samples):
        asked.extend(samples.tolist())
        return LabelOracle(X, np.repeat(y, 2))(samples)

    learner = make(oracle=oracle, strategy=RandomSampling(), batch_size=1, budget=60)
    learner.fit(X, known)
    assert learner.labelled_.n_bought == 60
    assert len(asked) == len(np.unique(asked, axis=0)) < 60


def test_batch_of_known_samples_leads_to_the_next(blobs, partial):
    X, y = blobs
    with LabelStore() as store:
        store.import_labels(X, y)
        learner = make(store).fit(*partial)
        assert len(learner.ask()) == 0, "all there was to ask for is known"
        assert learner.labelled_.n_bought == 12


# Another data set, another session


def test_store_of_other_samples_is_refused(path, blobs, partial):
    X, y = blobs
    make(path, oracle=Tiring(X, y, None)).fit(*partial)
    content = path.read_bytes()
    for other in (X + 1, X[::-1].copy(), X[:30], pd.DataFrame(X)):
        with pytest.raises(StoreMismatchError, match=r"another data set.*another store"):
            make(path).fit(other, partial[1][: len(other)])
    with pytest.raises(StoreMismatchError, match=r"began with other labels.*the y it began with"):
        make(path).fit(X, y)
    with LabelStore(path) as store:
        assert store.counts()["answered"] == 12
    assert path.read_bytes() == content


def test_resuming_needs_something_to_resume(path, partial):
    with pytest.raises(FileNotFoundError, match="no store"):
        make().resume(path, *partial)
    LabelStore(path).close()
    with pytest.raises(ValueError, match="holds no session"):
        make().resume(path, *partial)


def test_conversation_needs_a_fit():
    learner = make()
    for talk in (learner.ask, learner.undo, lambda: learner.tell([1], [1])):
        with pytest.raises(ValueError, match="not fitted"):
            talk()


# Oracles that write to the store, stopping, memory


def test_oracle_may_write_to_the_store_itself(path, blobs, partial):
    X, y = blobs

    class Person:
        def label_pending(self, store, ids):
            with LabelStore(store.path) as page:
                for record in page.records(ids=ids):
                    page.tell(record.id, y[record.index], annotator="Ada")

    learner = make(path, oracle=Person()).fit(*partial)
    assert summary(learner) == summary(make(oracle=LabelOracle(X, y)).fit(*partial))


def test_oracle_that_leaves_samples_pending_is_named(partial):
    class Lazy:
        def label_pending(self, store, ids):
            store.tell(ids[0], 1)

    learner = make(oracle=Lazy())
    with pytest.raises(RuntimeError, match=r"Lazy.*3 of 4 samples are"):
        learner.fit(*partial)
    assert learner.labelled_.n_bought == 1


def test_criterion_stops_a_session_and_says_why(path, blobs, partial):
    X, y = blobs

    class Enough:
        def check(self, learner):
            n_bought = learner.labelled_.n_bought
            return f"{n_bought} are enough" if n_bought >= 8 else None

    learner = make(path, oracle=LabelOracle(X, y), stopping=Enough()).fit(*partial)
    assert learner.stop_reason_ == "8 are enough"
    assert learner.labelled_.n_bought == 8
    again = make(path, oracle=LabelOracle(X, y), stopping=Enough()).fit(*partial)
    assert (again.stop_reason_, again.labelled_.n_bought) == ("8 are enough", 8)
    by_hand = make(stopping=Enough()).fit(*partial)
    while len(query := by_hand.ask()):
        by_hand.tell(query, y[query.indices])
    assert by_hand.labelled_.n_bought == 8
    assert make(oracle=LabelOracle(X, y)).fit(*partial).stop_reason_ is None


class Slow(PoolStrategy):
    """Says on the screen when it is fitted, as the cache knows no objects."""

    def fit(self, X, y=None):
        with open("fits.txt", "a") as file:
            file.write("x")
        return self

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        return candidates[:batch_size]


def test_memory_spares_the_strategy_s_fit(tmp_path, blobs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for estimator in (LogisticRegression(), DecisionTreeClassifier(random_state=0)):
        learner = make(strategy=Slow(), memory=tmp_path / "cache", n_initial=6)
        learner.set_params(estimator=estimator).fit(*blobs)
        assert learner.labelled_.n_bought == 12
    assert (tmp_path / "fits.txt").read_text() == "x"
