import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from skgal.datasets import load_image_folder

Image = pytest.importorskip("PIL.Image")
PIXELS = np.random.default_rng(0).integers(0, 256, size=(4, 6, 5, 3), dtype=np.uint8)
NAMES = ["cat/a.png", "cat/b.png", "dog/deep/c.png", "new.png"]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "images"
    for name, pixels in zip(NAMES, PIXELS, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_text("no image either")
    return folder


def test_subfolders_are_classes(folder):
    images = load_image_folder(folder)
    assert_array_equal(images.data, PIXELS.transpose(0, 3, 1, 2))
    assert images.filenames == NAMES
    assert images.target.tolist() == ["cat", "cat", "dog", None]
    assert images.target_names == ["cat", "dog"]
    (folder / "new.png").unlink()
    X, y = load_image_folder(str(folder), return_X_y=True)
    assert X.shape == (3, 3, 6, 5)
    assert y.dtype.kind == "U"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("file,label\ncat/a.png,x\nnew.png, y \ncat/b.png,\n", ["x", None, None, "y"]),
        ('file,label\n"cat/a.png",1,note\n\nnew.png,2\n', [1.0, None, None, 2.0]),
        ("\ufefffile,label\n" + "".join(f"{name},3\n" for name in NAMES), [3, 3, 3, 3]),
        ("file,label\n" + "".join(f"{name},.5\n" for name in NAMES), [0.5, 0.5, 0.5, 0.5]),
    ],
    ids=["strings", "some numbers", "integers", "numbers"],
)
def test_labels_of_a_file(folder, tmp_path, text, target):
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    found = load_image_folder(folder, labels=path).target
    found = [None if label != label else label for label in found.tolist()]
    assert found == target
    assert [*map(type, found)] == [*map(type, target)]


def test_labels_by_name(folder):
    images = load_image_folder(folder, labels={"new.png": 1, "cat/a.png": 0})
    assert_array_equal(images.target, [0, np.nan, np.nan, 1])
    assert images.target_names == [0, 1]


def test_sizes_and_modes(folder):
    Image.new("L", (9, 9), 200).save(folder / "dog" / "grey.png")
    with pytest.raises(ValueError, match=r"cat/a.png has 6 x 5 .*dog/grey.png 9 x 9; pass size="):
        load_image_folder(folder)
    assert load_image_folder(folder, size=(8, 4)).data.shape == (5, 3, 8, 4)
    grey = load_image_folder(folder, size=(8, 4), mode="L")
    assert grey.data.shape == (5, 1, 8, 4)
    assert (grey.data[grey.filenames.index("dog/grey.png")] == 200).all()


def test_photographs_are_upright(folder):
    image = Image.fromarray(PIXELS[0])
    turned = image.getexif()
    turned[0x0112] = 6  # the camera was turned
    image.save(folder / "cat" / "a.png", exif=turned)
    upright = load_image_folder(folder, size=(5, 6), labels={}).data[0]
    assert_array_equal(upright, np.rot90(PIXELS[0], -1).transpose(2, 0, 1))


def test_mistakes_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"1 of the images .* \['nobody.png'\]"):
        load_image_folder(folder, labels={"nobody.png": "cat"})
    with pytest.raises(ValueError, match="two positive integers"):
        load_image_folder(folder, size=(8,))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no images"):
        load_image_folder(tmp_path / "empty")
    (tmp_path / "labels.csv").write_text("file;label\nnew.png;cat\n")
    with pytest.raises(ValueError, match="separated by a comma"):
        load_image_folder(folder, labels=tmp_path / "labels.csv")
    Image.fromarray(np.full((6, 5), 1000, dtype=np.uint16)).save(folder / "deep.png")
    with pytest.raises(ValueError, match=r"deep.png has more than eight bits"):
        load_image_folder(folder)
    (folder / "deep.png").write_text("no image")
    with pytest.raises(ValueError, match=r"deep.png can't be read as an image"):
        load_image_folder(folder)


def test_a_learner_asks_for_the_labels_that_are_missing(tmp_path):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from skgal import ActiveLearner, UncertaintySampling

    digits = load_digits()
    for i in range(40):
        subfolder = tmp_path / ("odd" if digits.target[i] % 2 else "even") if i < 20 else tmp_path
        subfolder.mkdir(exist_ok=True)
        pixels = (digits.images[i] * 15).astype(np.uint8)
        Image.fromarray(pixels).save(subfolder / f"{i:02}.png")
    images = load_image_folder(tmp_path, mode="L")
    flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1) / 255)
    model = make_pipeline(flatten, LogisticRegression())
    learner = ActiveLearner(model, UncertaintySampling(), random_state=0)
    query = learner.fit(images.data, images.target).ask(5)
    assert len(query.indices) == 5
    assert not any("/" in images.filenames[i] for i in query.indices)
    learner.tell(query, ["odd"] * 5)
    assert set(learner.predict(images.data)) <= {"even", "odd"}
