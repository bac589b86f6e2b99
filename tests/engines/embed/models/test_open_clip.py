import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.paths import REAL_CLIPS

from data.errors import UserError
from data.outcome import Done
from data.records import Video
from data.specs.pipeline import EmbedSpec
from engines import bundled as tiny
from engines.embed.engine import EmbedSetup, VideoEmbedder
from engines.embed.models import open_clip as engine
from engines.embed.models.open_clip import Embedder

CLIPS = REAL_CLIPS / "corpus" / "videos"
ARCHITECTURE = "ViT-B-32"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of a real architecture, as a file: 600 MB, gone afterwards."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "vit.safetensors"
    save_file(open_clip.create_model(ARCHITECTURE).state_dict(), file)
    yield str(file)
    file.unlink()


def frame_by_frame(clip, every):
    """PIL pictures of frames 0, n, 2n, … of the best video stream, every frame decoded."""
    import av

    with av.open(str(clip)) as container:
        stream = container.streams.best("video")
        frames = enumerate(container.decode(stream))
        return {i: frame.to_image() for i, frame in frames if i % every == 0}


def directly(spec, pictures):
    """open_clip's own preprocess and model on PIL pictures, in fp32."""
    import open_clip
    import torch

    tiny.register_model()
    file = spec.weights or str(tiny.WEIGHTS)
    model, _, preprocess = open_clip.create_model_and_transforms(spec.model, file)
    torch.set_num_threads(1)  # more spin where the cores are busy
    with torch.inference_mode():
        batch = torch.stack([preprocess(picture) for picture in pictures])
        return model.eval().encode_image(batch).numpy()


def cosines(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.slow
@pytest.mark.real_clips
@pytest.mark.timeout(400)
@pytest.mark.parametrize("model", [ARCHITECTURE, tiny.NAME])
def test_vectors_are_those_of_open_clip_called_directly(model, request):
    file = request.getfixturevalue("weights") if model == ARCHITECTURE else None
    spec = EmbedSpec(model=model, weights=file, precision="bf16")
    clips = sorted(CLIPS.glob("*.mp4"))[: 3 if file else None]  # ViT-B-32 takes 50 ms a frame
    embedder = VideoEmbedder(spec, EmbedSetup(threads=1))
    embedder.load()
    made = {o.id: o for o in embedder.run([Video(c.stem, str(c), c.stem) for c in clips])}
    embedder.close()
    wanted = {clip.stem: frame_by_frame(clip, 25) for clip in clips}
    for clip, pictures in wanted.items():
        assert isinstance(made[clip], Done)
        indices = list(range(0, 25 * len(pictures), 25))
        assert made[clip].value.frame.tolist() == list(pictures) == indices
    expected = directly(spec, [p for pictures in wanted.values() for p in pictures.values()])
    got = np.concatenate([made[clip].value.vector for clip in wanted])
    assert cosines(got, expected).min() >= 0.999
    # Vectors of untrained weights are all much alike: what is left without their mean counts.
    mean = expected.mean(axis=0)
    assert cosines(got - mean, expected - mean).min() >= 0.98


@pytest.mark.slow
def test_the_number_of_frames_in_a_batch_changes_nothing():
    for precision in ("fp32", "bf16"):
        model = Embedder(EmbedSpec(model=tiny.NAME, precision=precision))
        model.load(2)
        size = model.resize.size
        pixels = np.random.default_rng(0).integers(0, 256, (64, 3, size, size), dtype=np.uint8)
        whole = model.embed_images(pixels)
        for count in (1, 2, 3, 5, 8, 15, 16, 17, 33, 63):
            assert np.array_equal(model.embed_images(pixels[:count]), whole[:count])
        assert np.array_equal(model.embed_images(pixels[::-1].copy()), whole[::-1])


WORDS = ("a", "red", "blue", "ball", "circle", "moves", "left", "over", "the", "grass", "dog")


def draw_texts(count):
    """Texts of 1 to 40 words, also some that the model cuts."""
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice(WORDS, draw.integers(1, 90))) for _ in range(count)]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_neither_neighbours_nor_threads_change_the_vector_of_a_text(precision):
    import torch

    model, texts = Embedder(EmbedSpec(model=tiny.NAME, precision=precision)), draw_texts(64)
    model.load()
    whole, threads = model.embed_text(texts), torch.get_num_threads()
    for count in (1, 2, 3, 7, 16, 17, 63):
        for at in range(0, 64, count):
            part = model.embed_text(texts[at : at + count])
            assert np.array_equal(part, whole[at : at + count]), (count, at)
    assert np.array_equal(model.embed_text(texts[::-1]), whole[::-1])
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        assert np.array_equal(model.embed_text(texts), whole)
    finally:
        torch.set_num_threads(threads)


def activations(model):
    kinds = {type(m).__name__ for m in model._model.modules()}
    return kinds & {"QuickGELU", "GELU"}


def test_openai_tags_are_loaded_with_quickgelu(monkeypatch):
    tagged(monkeypatch, "openai", quick_gelu=True)
    model = Embedder(EmbedSpec(model=tiny.NAME, weights="openai"))
    model.load()
    assert activations(model) == {"QuickGELU"}


def test_openai_files_are_known_by_their_digest(monkeypatch, tmp_path):
    import torch
    from safetensors.torch import load_file

    weights = str(tmp_path / "model.pt")
    torch.save(load_file(tiny.WEIGHTS), weights)
    digest = engine.digest(EmbedSpec(model=tiny.NAME, weights=weights))
    address = f"https://example.org/{digest}/model.pt"
    monkeypatch.setattr("open_clip.pretrained.get_pretrained_url", lambda model, tag: address)
    model = Embedder(EmbedSpec(model=tiny.NAME, weights=weights))
    model.load()
    assert activations(model) == {"QuickGELU"}


def test_the_activation_can_be_told():
    for asked, kind in (("auto", "GELU"), ("gelu", "GELU"), ("quickgelu", "QuickGELU")):
        model = Embedder(EmbedSpec(model=tiny.NAME, weights=str(tiny.WEIGHTS), activation=asked))
        model.load()
        assert activations(model) == {kind}


def tagged(monkeypatch, tag, **config):
    """Publishes the bundled weights under a tag, with a preprocessing of its own."""
    import open_clip.pretrained as published

    known = {"url": "https://example.org/model.safetensors", **config}
    monkeypatch.setitem(published._PRETRAINED, tiny.NAME, {tag: known})
    monkeypatch.setattr(published, "download_pretrained", lambda config: str(tiny.WEIGHTS))


def test_a_tags_own_preprocessing_is_honoured(monkeypatch):
    import torch
    from open_clip.transform import image_transform
    from PIL import Image

    half = (0.5, 0.5, 0.5)
    look = {"mean": half, "std": half, "interpolation": "bicubic", "resize_mode": "squash"}
    tagged(monkeypatch, "webli", **look)
    model = Embedder(EmbedSpec(model=tiny.NAME, weights="webli", precision="fp32"))
    model.load()
    assert (model.resize.mode, model.resize.interpolation) == ("squash", "bicubic")
    ramp = np.linspace(0, 255, 90 * 160 * 3).reshape(90, 160, 3).astype(np.uint8)
    size = model.resize.size
    theirs = image_transform(size, is_train=False, mean=half, std=half, resize_mode="squash")
    with torch.inference_mode():
        expected = model._model.encode_image(theirs(Image.fromarray(ramp))[None]).numpy()
    from engines.video.resize import resize_pictures

    assert (
        cosines(model.embed_images(resize_pictures(ramp[None], model.resize)), expected).min()
        > 0.999
    )


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (EmbedSpec(model=ARCHITECTURE), "--weights TAG"),
        (EmbedSpec(model=ARCHITECTURE, weights="no/such/file.pt"), "file.pt"),
        (EmbedSpec(model=ARCHITECTURE, weights="nobody"), "laion2b_s34b_b79k"),
        (EmbedSpec(model="ViT-Z-99", weights="openai"), "list_models"),
        (EmbedSpec(model=ARCHITECTURE, weights=str(tiny.WEIGHTS)), ARCHITECTURE),
    ],
)
def test_what_cannot_be_loaded_says_what_to_do(spec, says):
    with pytest.raises(UserError, match=says):
        Embedder(spec).load()


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    import torch

    mark = tmp_path / "was-run"

    class Trap:
        def __reduce__(self):
            return Path.touch, (mark,)

    torch.save({"state_dict": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(UserError, match="safetensors"):
        Embedder(EmbedSpec(model=tiny.NAME, weights=str(tmp_path / "trap.pt"))).load()
    assert not mark.exists()


def test_a_state_dict_in_a_pt_file_loads(tmp_path):
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(tiny.WEIGHTS), tmp_path / "weights.pt")
    texts, pair = ["a red circle"], []
    for file in (tmp_path / "weights.pt", tiny.WEIGHTS):
        model = Embedder(EmbedSpec(model=tiny.NAME, weights=str(file)))
        model.load()
        pair.append(model.embed_text(texts))
    assert np.array_equal(*pair)


def test_a_digest_needs_no_open_clip():
    ask = (
        "import sys; from data.specs.pipeline import EmbedSpec;"
        "from engines.embed.models.open_clip import digest;"
        "digest(EmbedSpec(model='reelflow-tiny'));"
        "sys.exit('open_clip' in sys.modules or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", ask], check=True)
