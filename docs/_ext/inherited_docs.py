"""Docstrings of classes and methods that keep the contract of a base, with the base's sections.

What a class or method takes over is documented once, where it comes from: an override says what is
different. The pages of the site, and the check of docstrings, see both.
"""

import importlib
import inspect
import re

_HEADING = re.compile(r"^(\w[\w ]*)\n(-+)\n", re.MULTILINE)


def complete_docstring(name):
    """Complete the docstring of a public class, function or method.

    Parameters
    ----------
    name : str
        Its full name, such as "skgal.generators.GAN.fit".

    Returns
    -------
    str
        Its docstring, and of its bases the parameters, returned values and yielded values that it
        has and doesn't describe.
    """
    module, *path = name.removeprefix("skgal.").split(".")
    owner = importlib.import_module(f"skgal.{module}")
    for part in path[:-1]:
        owner = getattr(owner, part)
    thing = getattr(owner, path[-1])
    own = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    if inspect.isclass(thing):
        bases = thing.__mro__[1:]
    elif inspect.isclass(owner):
        bases = [vars(base).get(path[-1]) for base in owner.__mro__[1:]]
    else:
        return own
    for base in bases:
        text = getattr(base, "__doc__", None)
        if isinstance(text, str) and base is not object:
            own = _merge(own, inspect.cleandoc(text), thing)
    return own


def _merge(own, base, thing):
    """Return a docstring with what it lacks of its base's sections."""
    sections, theirs = _sections(own), _sections(base)
    names = _parameter_names(thing)
    entries = _entries(theirs.get("Parameters", "")) | _entries(sections.get("Parameters", ""))
    described = [name for name in names if name in entries]
    if described and set(described) - _entries(sections.get("Parameters", "")).keys():
        sections["Parameters"] = "\n".join(entries[name] for name in described)
    if not inspect.isclass(thing) and not {"Returns", "Yields"} & sections.keys():
        sections |= {kind: theirs[kind] for kind in ("Returns", "Yields") if kind in theirs}
    order = ["", "Parameters", "Attributes", "Returns", "Yields"]
    ranked = sorted(sections, key=lambda kind: order.index(kind) if kind in order else len(order))
    return "\n\n".join(
        (f"{kind}\n{'-' * len(kind)}\n" if kind else "") + sections[kind].strip("\n")
        for kind in ranked
    )


def _sections(text):
    """Return the sections of a docstring by heading; the summary's is empty."""
    pieces = _HEADING.split(text)
    return {"": pieces[0]} | dict(zip(pieces[1::3], pieces[3::3], strict=True))


def _entries(section):
    """Return what a section says of each parameter, by name."""
    entries = {}
    for entry in re.split(r"\n(?=\S)", section.strip("\n")):
        head, _, text = entry.partition("\n")
        names, colon, kind = head.partition(" :")
        for name in names.split(", "):
            entries[name.replace("\\", "")] = f"{name}{colon}{kind}\n{text}"
    return entries


def _parameter_names(thing):
    """Return the names of the parameters, with their stars."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return []
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [stars.get(each.kind, "") + each.name for each in parameters]
