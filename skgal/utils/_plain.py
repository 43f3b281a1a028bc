"""Python values as JSON, and back without running any code from it."""

import numpy as np


class PlainCodec:
    """Turn values into what JSON can hold, and back.

    Beyond JSON's own values: tuples, dicts with any keys, NumPy arrays, scalars and dtypes, and
    instances of the classes given, of which the attributes are kept. Nothing else is written, and
    nothing else is made when reading: a file that names another class is refused.
    """

    def __init__(self, classes):
        self._classes = {cls.__name__: cls for cls in classes}

    def encode(self, value):
        """Return a value as JSON holds it; TypeError if anything in it is of another kind."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        if isinstance(value, tuple):
            return {"tuple": [self.encode(item) for item in value]}
        if isinstance(value, dict):
            pairs = [[self.encode(key), self.encode(item)] for key, item in value.items()]
            return {"dict": pairs}
        if isinstance(value, np.ndarray | np.generic):
            items = [self.encode(item) for item in np.ravel(value).tolist()]
            return {"array": _dtype_name(value.dtype), "shape": list(value.shape), "data": items}
        if isinstance(value, np.dtype):
            return {"dtype": _dtype_name(value)}
        name = type(value).__name__
        if self._classes.get(name) is not type(value):
            raise TypeError(f"{value!r}, of type {name}, can't be written as plain data")
        return {"object": name, "state": self.encode(value.__dict__)}

    def decode(self, value):
        """Return the value that was encoded; ValueError if it names another class."""
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        kind = next(iter(value), None)
        if kind == "tuple":
            return tuple(self.decode(value["tuple"]))
        if kind == "dict":
            return {self.decode(key): self.decode(item) for key, item in value["dict"]}
        if kind == "array":
            items, dtype = self.decode(value["data"]), np.dtype(value["array"])
            is_text = dtype.kind in "US"  # its width may be far beyond its content
            if is_text and len(items) * dtype.itemsize > _MOST_BYTES + _MOST_BLANKS * len(
                str(items)
            ):
                raise ValueError(f"an array of dtype {dtype} is far wider than what is in it")
            array = np.array(items, dtype=dtype)
            array = array.reshape(value["shape"])
            return array if value["shape"] else array[()]
        if kind == "dtype":
            return np.dtype(value["dtype"])
        if kind == "object" and value["object"] in self._classes:
            cls = self._classes[value["object"]]
            instance = cls.__new__(cls)
            instance.__dict__.update(self.decode(value["state"]))
            return instance
        raise ValueError(f"{str(value)[:80]} was not written by skgal")


# How much wider than its content an array of texts may be, and the size below which any may.
_MOST_BLANKS = 256
_MOST_BYTES = 2**20


def _dtype_name(dtype):
    if dtype.kind not in "biufUSO":
        raise TypeError(f"An array of dtype {dtype} can't be written as plain data")
    return "object" if dtype.kind == "O" else dtype.str
