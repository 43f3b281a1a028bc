"""A bridge to Label Studio: samples out as its tasks, people's annotations in from its exports.

Nothing of Label Studio is needed: its formats are JSON and XML, as its pages "Label Studio JSON
format of annotated tasks" and "Import pre-annotated data" describe them.
"""

import base64
import json
from collections.abc import Mapping
from html import escape
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

from skgal.annotation._batch import Batch
from skgal.exceptions import LabelError

HASH_LENGTH = 16
"""Digits of a sample's hash in a task: enough to tell the samples of one store from another's."""


def to_label_studio(
    store,
    folder,
    *,
    ids=None,
    annotator=None,
    classes=None,
    image_shape=None,
    feature_names=None,
    image_url=None,
    show_predictions=False,
):
    """Write samples of a store as tasks for Label Studio.

    The folder gets ``config.xml``, the labelling interface, to be pasted into the project's
    settings, and ``tasks.json``, to be imported. Tasks come in the order in which the strategy
    chose the samples, which Label Studio's sequential order keeps; ``priority`` counts them, 1
    first, and the score of a task is the share of the class that the model finds most probable:
    sorted by it, what the model is least sure of comes first.

    Parameters
    ----------
    store : LabelStore
        Where the samples are.
    folder : str or path-like
        Created if there is none; files in it of these names are replaced.
    ids : array-like of int, default=None
        Which samples, without those that wait for no answer; None: all that wait for one, second
        opinions among them if there is an ``annotator``.
    annotator : str, default=None
        Who will label them: samples that this one has answered already are left out.
    classes : sequence of str, int or bool, default=None
        What a sample may be. None for those that the store knows; where it knows none either,
        the answers are numbers (regression).
    image_shape : tuple of int (c, h, w), default=None
        The shape of images that come as flat rows; without it rows are shown as tables.
    feature_names : sequence of str, default=None
        What to call the columns of tables whose record has no names.
    image_url : str, default=None
        Where Label Studio will find the images, which are written to ``folder/images`` then:
        ``"/data/local-files/?d=images"`` for its local storage. None puts them into the tasks, as
        data URIs, so that ``tasks.json`` is all there is.
    show_predictions : bool, default=False
        Whether the label that the model predicts is filled in. Who sees it tends to agree.

    Returns
    -------
    list of int
        Ids of the samples, in the order of the tasks.

    Raises
    ------
    ValueError
        If no sample is left, two classes have the same name, a sample can't be shown, or labels are
        rows of several numbers.
    ImportError
        If there are images, and the extra ``annotation`` isn't installed.

    See Also
    --------
    from_label_studio : Reads the annotations.
    HumanOracle : A page of our own.

    References
    ----------
    Label Studio's guide, https://labelstud.io/guide: "Label Studio JSON format of annotated tasks",
    "Import pre-annotated data"; its tags HyperText, Image, Choices and Number.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from skgal.active import LabelStore
    >>> from skgal.annotation import to_label_studio
    >>> store = LabelStore()
    >>> store.classes = ["benign", "malignant"]
    >>> ids = store.add_query([[61.0, 0.3], [40.0, 1.5]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ids = to_label_studio(store, folder, feature_names=["age", "diameter"])
    ...     tasks = json.loads(Path(folder, "tasks.json").read_text())
    >>> ids, [task["data"]["priority"] for task in tasks]
    ([1, 2], [1, 2])
    """
    ids = store.waiting(annotator, ids)
    if not ids:
        raise ValueError(
            "No sample of the store waits for an answer"
            + ("." if annotator is None else f" of {annotator}.")
        )
    batch = Batch(store, ids, classes=classes, image_shape=image_shape, feature_names=feature_names)
    described = batch.describe()
    names = described["classes"]
    if names is not None and len(set(names)) < len(names):
        raise ValueError(f"Label Studio tells classes apart by their names; got {names}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if described["image"] is None:
        kind, shown = "table", _tables(described)
    else:
        kind, shown = "image", _images(batch, described, folder, image_url)
    tasks = []
    for record, sample, value in zip(
        store.records(ids=ids, samples=False), described["samples"], shown, strict=True
    ):
        data = {"skgal_id": record.id, "skgal_hash": record.hash[:HASH_LENGTH]}
        tasks.append({"data": {**data, "priority": len(tasks) + 1, kind: value}})
        if sample["prediction"] is not None:
            tasks[-1]["predictions"] = [
                _prediction(record.model, sample["prediction"], names, show_predictions)
            ]
    _write(folder / "config.xml", _interface(kind, names).encode())
    _write(folder / "tasks.json", json.dumps(tasks, indent=1).encode())
    return ids


def _write(path, content):
    """Write a file anew; a link in its place is replaced, not followed."""
    if path.is_symlink():
        path.unlink()
    path.write_bytes(content)


def _tables(described):
    for sample in described["samples"]:
        rows = zip(described["columns"], sample["row"], strict=True)
        cells = (f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
        yield f"<table>{''.join(cells)}</table>"


def _images(batch, described, folder, image_url):
    per_bundle = described["image"]["perBundle"]
    for start in range(0, len(batch), per_bundle):
        for offset, image in enumerate(batch.images(start // per_bundle)):
            if image_url is None:
                yield f"data:image/png;base64,{image}"
                continue
            name = f"{described['samples'][start + offset]['id']}.png"
            (folder / "images").mkdir(exist_ok=True)
            _write(folder / "images" / name, base64.b64decode(image))
            yield f"{image_url.rstrip('/')}/{name}"


def _prediction(model, prediction, names, is_shown):
    """A prediction of Label Studio: a score to sort by, and the label if it is to be shown."""
    is_number = isinstance(prediction, Real)
    result = {"id": "prediction", "from_name": "label", "to_name": "sample"}
    if is_number:
        result |= {"type": "number", "value": {"number": prediction}}
    else:
        best = max(range(len(prediction)), key=prediction.__getitem__)
        result |= {"type": "choices", "value": {"choices": [names[best]]}}
    found = {"model_version": model or "skgal", "result": [result] if is_shown else []}
    return found if is_number else {**found, "score": prediction[best]}


def _interface(kind, names):
    """The labelling interface as XML: one image or table, and one choice or number."""
    tag = "Image" if kind == "image" else "HyperText"
    if names is None:
        control = ['  <Number name="label" toName="sample" required="true"/>']
    else:
        control = [
            '  <Choices name="label" toName="sample" choice="single" required="true">',
            *(f"    <Choice value={quoteattr(name)}/>" for name in names),
            "  </Choices>",
        ]
    lines = ["<View>", f'  <{tag} name="sample" value="${kind}"/>', *control, "</View>"]
    return "\n".join(lines) + "\n"


class _Annotation(NamedTuple):
    """What one person said about one sample."""

    sample: int
    annotator: str
    answer: Any
    problem: str | None
    seconds: float | None
    details: dict


def from_label_studio(store, path, *, classes=None, annotators=None):
    """Read the annotations of a Label Studio export into a store.

    Every person's answer counts: the label of a sample that several have annotated is what
    ``store.combine`` makes of their answers, in the order in which they gave them, and
    ``store.agreement()`` compares them. A skipped task, or one submitted without an answer, is
    declined. Reading the same export again changes nothing.

    Parameters
    ----------
    store : LabelStore
        The store that :func:`to_label_studio` wrote the tasks from.
    path : str or path-like
        An export in the format "JSON" or "JSON-MIN"; the latter leaves out what was skipped.
    classes : sequence of str, int or bool, default=None
        As in :func:`to_label_studio`; None for those that the store knows.
    annotators : dict from int or str to str, default=None
        Names of the people by their id, or e-mail address, in Label Studio. Others are called by
        the address, or ``"Label Studio 3"``.

    Returns
    -------
    list of int
        Ids of the samples that the export has annotations of.

    Raises
    ------
    ValueError
        If the file is no such export, or is of another store: then nothing is recorded.
    LabelError
        A ValueError, raised when all else is recorded: if an annotation has no usable answer, as
        a class that the store doesn't know, or several (its sample waits as before, the answer is
        kept as an event ``"refused"``), or if a person's answer has changed since it was first
        read (the first holds; ``store.undo(annotator, id)`` takes it back).

    See Also
    --------
    to_label_studio : Writes the tasks that come back.
    skgal.active.LabelStore : Where annotations end up.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from skgal.active import LabelStore
    >>> from skgal.annotation import from_label_studio, to_label_studio
    >>> store = LabelStore()
    >>> store.classes = ["benign", "malignant"]
    >>> _ = store.add_query([[61.0, 0.3], [40.0, 1.5]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = to_label_studio(store, folder)
    ...     tasks = json.loads(Path(folder, "tasks.json").read_text())
    ...     # what a person does in Label Studio
    ...     value = {"choices": ["malignant"]}
    ...     result = [{"from_name": "label", "type": "choices", "value": value}]
    ...     tasks[0]["annotations"] = [{"id": 7, "completed_by": 1, "result": result}]
    ...     _ = Path(folder, "export.json").write_text(json.dumps(tasks))
    ...     ids = from_label_studio(store, Path(folder, "export.json"), annotators={1: "Ada"})
    >>> ids, store.records(ids=ids)[0].label
    ([1], 'malignant')
    """
    path = Path(path)
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(tasks, list) or not all(isinstance(task, Mapping) for task in tasks):
        raise ValueError(f'{path} is no export of Label Studio in the format "JSON" or "JSON-MIN".')
    classes = store.classes if classes is None else list(classes)
    annotations = []
    for number, task in enumerate(tasks):
        found = list(_annotations(task, f"Task {number + 1} of {path}", annotators or {}, classes))
        if found:
            sample = _sample_of(store, task, f"Task {number + 1} of {path}")
            annotations += [each._replace(sample=sample) for each in found]
    refused, conflicts = {}, []
    with store.transaction():
        for each in annotations:
            try:
                _record(store, each, classes)
            except LabelError as error:
                refused |= error.refused
                conflicts += error.conflicts
    if refused or conflicts:
        raise LabelError(refused, conflicts)
    return list(dict.fromkeys(each.sample for each in annotations))


def _sample_of(store, task, where):
    """Which sample of the store a task shows; ValueError if it is none."""
    data = task.get("data", task)
    sample = data.get("skgal_id") if isinstance(data, Mapping) else None
    if type(sample) is not int:
        raise ValueError(
            f"{where} has no skgal_id: it wasn't written by to_label_studio. Labels of samples "
            "that are in no store are read by store.import_labels(X, y)."
        )
    try:
        (record,) = store.records(ids=sample, samples=False)
    except ValueError as error:
        raise ValueError(f"{where} is of another store: {error}") from None
    if record.hash[:HASH_LENGTH] != data.get("skgal_hash"):
        raise ValueError(
            f"{where} is of another store: its sample {sample} has other values than that of "
            f"{store.path}."
        )
    return sample


def _annotations(task, where, annotators, classes):
    """What people said about the sample of a task, oldest first, of each person the last."""
    is_short = "annotations" not in task and "data" not in task
    entries = [task] if is_short else task.get("annotations") or []
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ValueError(f"{where} has annotations that are no objects; export whole annotations.")
    if is_short and "label" not in task:
        return
    found = {}
    for entry in sorted(entries, key=lambda entry: str(entry.get("created_at", ""))):
        person = entry.get("annotator" if is_short else "completed_by")
        name = _name_of(person, annotators)
        answer, problem = _short_answer(entry["label"]) if is_short else _answer(entry)
        if answer is not None and problem is None:
            answer, problem = _named_class(answer, classes)
        found[name] = _Annotation(
            sample=0,
            annotator=name,
            answer=answer,
            problem=problem,
            seconds=_seconds(entry.get("lead_time")),
            details={"label_studio": entry.get("annotation_id" if is_short else "id")},
        )
    yield from found.values()


def _name_of(person, annotators):
    """Name of a person whom Label Studio knows by an id, an address, or both."""
    known = [person.get("email"), person.get("id")] if isinstance(person, Mapping) else [person]
    known = [each for each in known if isinstance(each, int | str)]
    for each in known:
        for key in (each, str(each), int(each) if str(each).isdecimal() else each):
            if key in annotators:
                return annotators[key]
    if not known:
        return "Label Studio"
    return known[0] if isinstance(known[0], str) and "@" in known[0] else f"Label Studio {known[0]}"


def _answer(entry):
    """The answer in an annotation of a full export, None if there is none; and what is wrong."""
    if entry.get("was_cancelled") or entry.get("skipped"):
        return None, None
    result = entry.get("result") or []
    if not _is_list_of(Mapping, result):
        return result, f"The result of an annotation is a list of objects; it is {result!r}."
    regions = [region for region in result if region.get("from_name") == "label"]
    values = [region.get("value", {}) for region in regions]
    if not _is_list_of(Mapping, values):
        return values, f"The value of a result is an object; there are the values {values}."
    choices = [value.get("choices") or [] for value in values]
    if not _is_list_of(list, choices):
        return values, f"Choices are a list; the values are {values}."
    answers = [choice for several in choices for choice in several]
    answers += [value["number"] for value in values if value.get("number") is not None]
    if len(answers) > 1:
        return answers, f"A sample has one label; the annotation has {answers}."
    if regions and not answers:
        return values, f"The answer is neither a choice nor a number: {values}."
    return (answers[0] if answers else None), None


def _is_list_of(kind, values):
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _short_answer(value):
    """The answer in an annotation of a short export, where a choice is text and a number a list."""
    if isinstance(value, Mapping) and isinstance(value.get("choices"), list):
        return value["choices"], f"A sample has one label; the annotation has {value['choices']}."
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        value = value.get("number")
    if isinstance(value, list):
        return value, f"A sample has one label; the annotation has {value}."
    return value, None


def _named_class(answer, classes):
    """The class that a choice names, or a number; and what is wrong."""
    if classes is None:
        return answer, None
    found = {str(name): name for name in classes}.get(str(answer))
    if found is None:
        return answer, f"{answer!r} is none of the classes {list(classes)}."
    return found, None


def _seconds(value):
    return float(value) if isinstance(value, Real) and 0 <= value < float("inf") else None


def _record(store, annotation, classes):
    """Bring one person's answer into the store; what is there already changes nothing."""
    sample, who = annotation.sample, annotation.annotator
    remarks = {"annotator": who, "seconds": annotation.seconds}
    if annotation.problem is not None:
        known = [(event.message, event.annotator) for event in store.events(sample)]
        if (annotation.problem, who) not in known:  # else it was read before
            store.refuse(sample, annotation.problem, answer=annotation.answer, **remarks)
        raise LabelError({sample: annotation.problem}, [])
    opinions = store.opinions(sample).get(sample, {})
    if who in opinions and opinions[who] == annotation.answer:
        return
    (record,) = store.records(ids=sample, samples=False)
    if who not in opinions and record.status == "answered":
        store.ask_again(sample)
    store.tell(sample, annotation.answer, classes=classes, details=annotation.details, **remarks)
