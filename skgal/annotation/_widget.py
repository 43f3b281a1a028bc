"""The labelling page inside a notebook: the same state and front end, without a server."""

import json
from pathlib import Path

from skgal.active import ActiveLearner, LabelStore
from skgal.annotation._batch import Batch, PageState, StaleBatchError, are_valid

PAGE = Path(__file__).parent / "page"

CALLS = {
    "describe": [],
    "progress": [],
    "images": ["number", "bundle"],
    "answer": ["number", "ids", "answers", "seconds"],
    "undo": ["number"],
    "finish": ["number"],
}
"""What the front end may call, and with which values."""


class LabellingWidget:
    """The labelling page as a widget of a notebook: JupyterLab, Colab, VS Code have no open ports.

    As the last value of a cell it shows the samples of a store that wait for a label, with the keys
    and views of the page. Every answer is in the store, on disk if the store is, before it is shown
    as given. The cell ends at once, so that others can be run meanwhile. With a learner, the next
    batch is asked for as soon as one is handed over, until its budget is spent.

    It needs the extra ``notebook``.

    Parameters
    ----------
    source : ActiveLearner or LabelStore
        A fitted learner without an oracle, or the store of one.
    classes : sequence of str, int or bool, default=None
        What a sample may be, in the order shown. None for those that the store knows; where it
        knows none either, the answers are numbers (regression).
    annotator : str, default=None
        Who labels, for the record; needed for second opinions.
    image_shape : tuple of int (c, h, w), default=None
        The shape of images that come as flat rows; without it rows are shown as tables.
    feature_names : sequence of str, default=None
        What to call the columns of tables whose record has no names.

    Attributes
    ----------
    widget : anywidget.AnyWidget
        The widget itself, to be put into layouts of ipywidgets.

    Raises
    ------
    ImportError
        If the extra ``notebook`` isn't installed.
    TypeError
        If the source is neither learner nor store.
    ValueError
        If the samples can't be shown.

    See Also
    --------
    HumanOracle : The page in a browser, at a port of this machine.
    skgal.active.ActiveLearner : Whose batches it shows.

    Notes
    -----
    The kernel answers the widget between cells: while a cell runs, answers wait.

    Examples
    --------
    >>> from skgal.active import LabelStore
    >>> from skgal.annotation import LabellingWidget
    >>> store = LabelStore()
    >>> store.classes = ["cat", "dog"]
    >>> ids = store.add_query([[0.0, 1.0], [2.0, 3.0]])
    >>> LabellingWidget(store, annotator="Ada")  # in a notebook: the page
    LabellingWidget(2 samples wait for an answer)
    """

    def __init__(
        self, source, *, classes=None, annotator=None, image_shape=None, feature_names=None
    ):
        if not isinstance(source, ActiveLearner | LabelStore):
            raise TypeError(
                "source must be a fitted ActiveLearner or a LabelStore; got "
                f"{type(source).__name__}."
            )
        self._learner = source if isinstance(source, ActiveLearner) else None
        self._store = source if self._learner is None else source.store_
        self._annotator = annotator
        self._shown_as = {
            "classes": classes,
            "image_shape": image_shape,
            "feature_names": feature_names,
        }
        self._page = PageState()
        self._show_waiting()
        if not self._is_open():
            self._ask()
        self.widget = _make_widget()
        self.widget.on_msg(self._on_message)

    def close(self):
        """Take the widget away; what was answered is in the store."""
        self.widget.close()

    def __repr__(self):
        n_waiting = len(self._store.waiting(self._annotator))
        return f"{type(self).__name__}({n_waiting} samples wait for an answer)"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.widget._repr_mimebundle_(include=include, exclude=exclude)

    def _is_open(self):
        return self._page.progress()["open"]

    def _show_waiting(self):
        """Show what waits for an answer, if anything does."""
        ids = self._store.waiting(self._annotator)
        if ids:
            batch = Batch(self._store, ids, annotator=self._annotator, **self._shown_as)
            self._page.show(batch)

    def _ask(self):
        """Have the learner, if there is one, choose the next batch."""
        if self._learner is not None:
            self._learner.ask()
            self._show_waiting()

    def _on_message(self, widget, content, buffers):
        """Answer a call of the front end."""
        call = content.get("call")
        answer = {"request": content.get("request")}
        try:
            answer["result"] = self._call(call, content.get("values"))
        except Exception as error:  # shown to the person
            status = 409 if isinstance(error, StaleBatchError) else 422
            answer |= {"error": str(error), "status": status}
        widget.send(answer)
        if call == "finish" and "result" in answer:
            # Only now: the model is fitted, and a strategy may take its time.
            news = {"error": None}
            try:
                self._page.clear()
                self._ask()
            except Exception as error:  # as above
                news["error"] = str(error)
            widget.send(news)

    def _call(self, name, values):
        names = CALLS.get(name)
        if names is None or not isinstance(values, list) or not are_valid(names, values):
            raise ValueError(f"The widget sent an unexpected call: {name!r}.")
        if name in ("describe", "progress") and not self._is_open():
            self._show_waiting()  # others may have asked for more
        return getattr(self._page, name)(*values)


def _make_widget():
    try:
        import anywidget
    except ImportError as error:
        error.add_note("The widget needs more packages: pip install 'skgal[notebook]'.")
        raise
    style = (PAGE / "page.css").read_text(encoding="utf-8")
    parts = [(PAGE / name).read_text(encoding="utf-8") for name in ("labelling.js", "widget.js")]
    return anywidget.AnyWidget(_esm="\n".join([f"const STYLE = {json.dumps(style)};", *parts]))
