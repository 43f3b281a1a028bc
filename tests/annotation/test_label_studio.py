"""The bridge to Label Studio, on files as it writes and reads them.

Exports have the fields of Label Studio 1.x; the short ones look as the converter of
label-studio-sdk 2.1.2 wrote them, whose LabelInterface also accepted the interfaces, tasks and
predictions.
"""

import base64
import io
import json
from contextlib import suppress
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skgal.active import LabelStore
from skgal.annotation import from_label_studio, to_label_studio
from skgal.exceptions import LabelError

CLASSES = ["cat", "dog <b>", "it's"]
TABLE = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]


@pytest.fixture
def store():
    with LabelStore() as store:
        store.classes = CLASSES
        yield store


@pytest.fixture
def asked(store):
    predictions = [{"cat": 0.6, "dog <b>": 0.3, "it's": 0.1}, {"it's": 1.0}, None]
    return store.add_query(TABLE, predictions=predictions, model="SVC").tolist()


def tasks_of(folder):
    return json.loads((folder / "tasks.json").read_text())


def annotation(value, person=1, at="2026-01-01", **fields):
    kind = "number" if isinstance(value, float) else "choices"
    value = {"number": value} if kind == "number" else {"choices": value}
    region = {"id": "x", "value": value, "from_name": "label", "to_name": "sample", "type": kind}
    return {
        "id": 100,
        "completed_by": person,
        "result": [{**region, "origin": "manual"}],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": f"{at}T10:00:00.000000Z",
        "lead_time": 3.5,
        **fields,
    }


def export(folder, tasks, *annotations):
    """Write an export in which each task has some annotations; return its path."""
    content = [
        {"id": 11 + i, "data": task["data"], "meta": {}, "drafts": [], "annotations": [*given]}
        for i, (task, given) in enumerate(zip(tasks, annotations, strict=False))
    ]
    (folder / "export.json").write_text(json.dumps(content))
    return folder / "export.json"


# Out


def test_a_table_of_classes(store, asked, tmp_path):
    assert to_label_studio(store, tmp_path / "new" / "one", feature_names=["a & b", "<c>"]) == asked
    view = ElementTree.parse(tmp_path / "new/one/config.xml").getroot()
    shown, choices = view
    assert (shown.tag, shown.attrib) == ("HyperText", {"name": "sample", "value": "$table"})
    assert choices.tag == "Choices"
    assert choices.attrib["toName"] == "sample"
    assert [choice.attrib["value"] for choice in choices] == CLASSES
    first, second, third = tasks_of(tmp_path / "new/one")
    assert first["data"] == {
        "skgal_id": asked[0],
        "skgal_hash": store.records()[0].hash[:16],
        "priority": 1,
        "table": "<table><tr><th>a &amp; b</th><td>0</td></tr>"
        "<tr><th>&lt;c&gt;</th><td>1</td></tr></table>",
    }
    assert [task["data"]["priority"] for task in (first, second, third)] == [1, 2, 3]
    assert first["predictions"] == [{"model_version": "SVC", "result": [], "score": 0.6}]
    assert second["predictions"][0]["score"] == 1.0
    assert "predictions" not in third


def test_predictions_are_filled_in_on_request(store, asked, tmp_path):
    to_label_studio(store, tmp_path, show_predictions=True)
    (result,) = tasks_of(tmp_path)[0]["predictions"][0]["result"]
    assert (result["from_name"], result["to_name"], result["type"]) == (
        "label",
        "sample",
        "choices",
    )
    assert result["value"] == {"choices": ["cat"]}


@pytest.mark.parametrize("image_url", [None, "/data/local-files/?d=images"])
def test_images_in_the_tasks_or_beside_them(tmp_path, image_url):
    images = np.random.default_rng(0).integers(256, size=(3, 3, 5, 4), dtype=np.uint8)
    images[0, 0, 0, :2] = 0, 255
    with LabelStore() as store:
        store.n_outputs = 1
        store.add_query(images.reshape(3, -1), predictions=[1.5, 2.5, np.nan])
        to_label_studio(
            store, tmp_path, image_shape=(3, 5, 4), image_url=image_url, show_predictions=True
        )
    shown, number = ElementTree.parse(tmp_path / "config.xml").getroot()
    assert (shown.tag, shown.attrib["value"], number.tag) == ("Image", "$image", "Number")
    for image, task in zip(images, tasks_of(tmp_path), strict=True):
        address = task["data"]["image"]
        if image_url is None:
            png = base64.b64decode(address.removeprefix("data:image/png;base64,"))
        else:
            assert address.startswith(image_url)
            png = (tmp_path / "images" / address.rpartition("/")[2]).read_bytes()
        np.testing.assert_array_equal(
            np.asarray(Image.open(io.BytesIO(png))), image.transpose(1, 2, 0)
        )
    predictions = [task.get("predictions") for task in tasks_of(tmp_path)]
    assert "score" not in predictions[0][0]
    assert predictions[0][0]["result"][0]["value"] == {"number": 1.5}
    assert predictions[2] is None


def test_what_can_not_be_shown_is_refused(store, asked, tmp_path):
    with pytest.raises(ValueError, match="apart by their names"):
        to_label_studio(store, tmp_path, classes=["1", 1])
    store.tell(asked, [None] * 3, annotator="Ada")
    with pytest.raises(ValueError, match=r"No sample of the store waits for an answer\."):
        to_label_studio(store, tmp_path)
    with pytest.raises(ValueError, match="waits for an answer of Bob"):
        to_label_studio(store, tmp_path, annotator="Bob", ids=asked[:1])
    with LabelStore() as store:
        store.n_outputs = 2
        store.add_query(TABLE)
        with pytest.raises(ValueError, match="one number for each sample"):
            to_label_studio(store, tmp_path)
    assert list(tmp_path.iterdir()) == []


# In


def test_answers_come_back_with_who_and_how_long(store, asked, tmp_path):
    to_label_studio(store, tmp_path)
    tasks = tasks_of(tmp_path)
    path = export(
        tmp_path,
        tasks,
        [annotation(["dog <b>"], 3)],
        [annotation(["cat"], {"id": 4, "email": "eve@x.org"}, was_cancelled=True, result=[])],
        [],
    )
    assert from_label_studio(store, path, annotators={3: "Ada"}) == asked[:2]
    first, second, third = store.records()
    assert (first.label, first.annotator, first.seconds) == ("dog <b>", "Ada", 3.5)
    assert first.answer_details == {"label_studio": 100}
    assert (second.status, second.annotator) == ("declined", "eve@x.org")
    assert third.status == "pending"
    events = store.events()
    from_label_studio(store, path, annotators={"3": "Ada"})  # again
    assert store.events() == events


def test_several_people(store, asked, tmp_path):
    to_label_studio(store, tmp_path)
    path = export(
        tmp_path,
        tasks_of(tmp_path),
        [annotation(["cat"], 2, "2026-01-02"), annotation(["it's"], 1, "2026-01-01")],
        [annotation(["cat"], 1), annotation(["cat"], 2), annotation(["it's"], 3)],
        [annotation(["cat"], 1), annotation([], 2, "2026-01-03", result=[], was_cancelled=True)],
    )
    for _ in range(2):
        from_label_studio(store, path)
        assert [record.label for record in store.records()] == ["it's", "cat", "cat"]
    assert store.opinions(asked[2]) == {asked[2]: {"Label Studio 1": "cat", "Label Studio 2": None}}
    pair = store.agreement()[0]
    assert (pair["annotators"], pair["n_samples"]) == (("Label Studio 1", "Label Studio 2"), 2)
    assert pair["share"] == 0.5


def test_of_one_persons_annotations_the_last_counts(store, asked, tmp_path):
    to_label_studio(store, tmp_path)
    tasks = tasks_of(tmp_path)
    given = [annotation(["cat"], at="2026-01-02"), annotation(["it's"], at="2026-01-01")]
    path = export(tmp_path, tasks, given)
    from_label_studio(store, path, annotators={1: "Ada"})
    assert store.records()[0].label == "cat"
    export(tmp_path, tasks, [*given, annotation(["dog <b>"], at="2026-02-01")])
    with pytest.raises(LabelError, match="is 'cat', and the answer 'dog <b>' came too late"):
        from_label_studio(store, path, annotators={1: "Ada"})
    assert store.records()[0].label == "cat"
    store.undo("Ada", asked[0])
    from_label_studio(store, path, annotators={1: "Ada"})
    assert store.records()[0].label == "dog <b>"


def test_a_second_opinion_goes_out_and_comes_back(store, asked, tmp_path):
    store.tell(asked, CLASSES, annotator="Ada")
    store.ask_again(asked[1:])
    assert to_label_studio(store, tmp_path, annotator="Bob") == asked[1:]
    path = export(tmp_path, tasks_of(tmp_path), [annotation(["cat"])], [annotation(["cat"])])
    from_label_studio(store, path, annotators={1: "Bob"})
    assert [record.label for record in store.records()] == CLASSES
    assert store.agreement()[0]["share"] == 0.0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (annotation(["emu"]), "'emu' is none of the classes"),
        (annotation(["cat", "it's"]), "A sample has one label"),
        (annotation(2.5), "2.5 is none of the classes"),
        (annotation([]), "neither a choice nor a number"),
    ],
    ids=["foreign", "two", "number", "region"],
)
def test_unusable_answers_are_kept_and_all_others_recorded(store, asked, tmp_path, given, reason):
    to_label_studio(store, tmp_path)
    path = export(tmp_path, tasks_of(tmp_path), [given], [annotation(["cat"])])
    for _ in range(2):
        with pytest.raises(LabelError, match=reason):
            from_label_studio(store, path)
        assert [record.status for record in store.records()] == ["pending", "answered", "pending"]
        _, refused = store.events(asked[0])
        assert (refused.kind, refused.annotator) == ("refused", "Label Studio 1")


def test_an_export_of_another_store_is_refused_as_a_whole(store, asked, tmp_path):
    to_label_studio(store, tmp_path)
    tasks = tasks_of(tmp_path)
    path = export(tmp_path, tasks, [annotation(["cat"])], [], [annotation(["cat"])])
    with LabelStore() as other:
        other.add_query(TABLE[:2])
        with pytest.raises(ValueError, match=r"Task 3 .* another store: .* no sample with id 3"):
            from_label_studio(other, path)
        other.add_query([[7.0, 7.0]])
        with pytest.raises(ValueError, match="its sample 3 has other values"):
            from_label_studio(other, path)
        assert other.counts()["pending"] == 3
    del tasks[0]["data"]["skgal_id"]
    with pytest.raises(ValueError, match="wasn't written by to_label_studio"):
        from_label_studio(store, export(tmp_path, tasks, [annotation(["cat"])]))
    for content, message in [
        ("{}", "no export"),
        ("[3]", "no export"),
        ("[", "no JSON"),
        ('[{"id": 1, "annotations": [5], "data": {}}]', "no objects"),
    ]:
        path.write_text(content)
        with pytest.raises(ValueError, match=message):
            from_label_studio(store, path)
    assert len(store.events()) == 3


def min_record(task, label, **fields):
    """An entry as the converter of label-studio-sdk writes it."""
    about = {"annotator": "ada@x.org", "annotation_id": 100, "lead_time": 3.5}
    return {**task["data"], "id": 11, "label": label, **about, "created_at": "2026", **fields}


def test_the_short_format(store, asked, tmp_path):
    to_label_studio(store, tmp_path)
    first, second, third = tasks_of(tmp_path)
    both = {"choices": ["cat", "it's"]}
    without = {name: value for name, value in min_record(third, 0).items() if name != "label"}
    path = tmp_path / "min.json"
    path.write_text(json.dumps([min_record(first, "it's"), min_record(second, both), without]))
    with pytest.raises(LabelError, match="one label"):
        from_label_studio(store, path, annotators={"ada@x.org": "Ada"})
    record = store.records()[0]
    assert (record.label, record.annotator, record.seconds) == ("it's", "Ada", 3.5)
    assert store.counts()["pending"] == 2


@pytest.mark.parametrize("is_short", [False, True])
def test_numbers_come_back(tmp_path, is_short):
    with LabelStore() as store:
        store.n_outputs = 1
        store.add_query(pd.DataFrame({"x": [1, 2], "name": ["a", None]}))
        to_label_studio(store, tmp_path)
        tasks = tasks_of(tmp_path)
        assert "<th>name</th><td>missing</td>" in tasks[1]["data"]["table"]
        path = export(tmp_path, tasks, [annotation(2.5)], [annotation(-1.0)])
        if is_short:
            labels = [[{"number": 2.5}], [{"number": -1}]]
            records = [min_record(*pair) for pair in zip(tasks, labels, strict=True)]
            path.write_text(json.dumps(records))
        from_label_studio(store, path)
        assert [repr(record.label) for record in store.records()] == ["2.5", "-1.0"]


def test_classes_are_found_by_their_names_and_keep_their_type(tmp_path):
    with LabelStore() as store:
        store.classes = [0, 1]
        store.add_query(TABLE)
        to_label_studio(store, tmp_path, classes=[1, 0])
        path = export(tmp_path, tasks_of(tmp_path), [annotation(["1"])], [annotation(["0"])])
        from_label_studio(store, path, classes=[1, 0])
        assert [repr(record.label) for record in store.records()[:2]] == ["1", "0"]


@pytest.mark.parametrize("junk", [None, 1, "x", True, [], [[]], {}, {"choices": 1}])
@pytest.mark.parametrize("place", ["result", "region", "value", "choices", "data"])
def test_damaged_exports_are_answers_or_named(store, asked, tmp_path, junk, place):
    to_label_studio(store, tmp_path)
    damaged = annotation(["cat"])
    region = damaged["result"][0]
    if place == "region":
        damaged["result"] = [junk]
    else:
        {"result": damaged, "value": region, "choices": region["value"]}.get(place, {})[place] = (
            junk
        )
    tasks = tasks_of(tmp_path)
    if place == "data":
        tasks[0]["data"] = junk
    path = export(tmp_path, tasks, [damaged])
    with suppress(LabelError, ValueError):  # and no other error
        from_label_studio(store, path)
    assert [record.status for record in store.records()][1:] == ["pending", "pending"]


def test_links_in_the_place_of_files_are_not_followed(store, asked, tmp_path):
    (tmp_path / "precious").write_text("precious")
    for name in ("tasks.json", "config.xml"):
        (tmp_path / name).symlink_to(tmp_path / "precious")
    to_label_studio(store, tmp_path)
    assert (tmp_path / "precious").read_text() == "precious"
    assert len(tasks_of(tmp_path)) == 3
