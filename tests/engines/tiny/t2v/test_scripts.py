"""The scripts that train the bundled text-to-video model, for a few steps each."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.training_scripts import run_scripts

from engines.tiny.t2v import base, codec, networks, training_set, words
from engines.tiny.t2v.command import parse_options

pytestmark = pytest.mark.slow  # two steps of each script take seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the codec's script and the base's leave after two steps."""
    made = tmp_path_factory.mktemp("t2v")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "CLIPS", 4)
        return run_scripts(made, (codec, base))


def test_they_leave_a_pipeline_that_diffusers_loads_and_runs(folder: Path) -> None:
    from diffusers import TextToVideoSDPipeline

    pipe = TextToVideoSDPipeline.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    made = pipe(
        "a red circle moving left", num_frames=2, height=64, width=64, num_inference_steps=1,
        output_type="np",
    ).frames  # fmt: skip
    assert made.shape == (1, 2, 64, 64, 3)
    assert not any(str(folder) in file.read_text() for file in folder.rglob("*.json"))


def test_a_training_that_goes_on_has_the_tokens_and_the_networks_of_the_folder(
    folder: Path,
) -> None:
    """Two trainings of one tokenizer number its letters differently."""
    known = words.load_tokenizer(folder).get_vocab()
    assert known == words.load_tokenizer(folder).get_vocab()
    caption_encoder = words.CaptionEncoder(words.load_tokenizer(folder))
    model = torch.nn.ModuleDict(
        {"text": networks.build_text_encoder(caption_encoder), "unet": networks.build_unet()}
    )
    before = model["unet"].conv_in.weight.detach().clone()
    base.load_networks(model, folder)
    assert not torch.equal(before, model["unet"].conv_in.weight)


def test_training_further_begins_a_checkpoint_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The finished one ended it before its first step; parts that cannot go on have no option."""
    monkeypatch.setattr("sys.argv", ["script", "--again", "--checkpoint", "var/x.pt"])
    threads = torch.get_num_threads()
    options = parse_options(None, codec.SCHEDULE, "x", Path("x"), goes_on=True)
    assert options.again and options.checkpoint == Path("var/x-again.pt")
    with pytest.raises(SystemExit):
        parse_options(None, codec.SCHEDULE, "x", Path("x"))
    torch.set_num_threads(threads)


def test_layers_over_time_change_nothing_before_they_are_trained() -> None:
    """So single frames can be learned without them, at half the cost."""
    torch.manual_seed(0)
    unet = networks.build_unet().eval()
    given = torch.randn(2, 4, 1, 8, 8), torch.tensor([5, 900]), torch.randn(2, 40, networks.WIDTH)
    with torch.no_grad():
        with networks.without_time_layers(unet):
            without = unet(*given).sample
            assert not any(p.requires_grad for p in networks.list_time_layers(unet)[0].parameters())
        assert torch.equal(without, unet(*given).sample)
    assert all(parameter.requires_grad for parameter in unet.parameters())


def test_the_codec_s_latents_have_unit_variance(folder: Path) -> None:
    from diffusers import AutoencoderKL

    made = AutoencoderKL.from_pretrained(folder / "vae", dtype=torch.float32)
    rng = np.random.default_rng(1)
    clips = np.stack(
        [training_set.draw_clip(rng, training_set.draw_training_scene(rng)) for _ in range(16)]
    )
    assert base.encode_clips(made, clips).shape == (16, 4, 8, 8, 8)
    assert base.encode_clips(made, clips).std() == pytest.approx(1, rel=0.25)


def test_words_that_no_caption_uses_mean_nothing_and_go_on_meaning_nothing() -> None:
    caption_encoder = words.CaptionEncoder(words.train_tokenizer())
    encoder = networks.build_text_encoder(caption_encoder)
    table = encoder.get_input_embeddings().weight
    said = caption_encoder.tokenizer("a red circle climbing", add_special_tokens=False).input_ids
    assert set(said) & set(caption_encoder.unknown)
    ids = caption_encoder.encode_captions(np.random.default_rng(0), ["a red circle climbing"] * 4)
    encoder(ids).last_hidden_state.square().mean().backward()
    assert table.grad is not None
    assert (
        not table[caption_encoder.unknown].any() and not table.grad[caption_encoder.unknown].any()
    )
    assert table[sorted(caption_encoder.known)].all(dim=1).any()


def test_a_shape_counts_for_more_than_as_much_background() -> None:
    """With equal weights a codec learns backgrounds first, and shapes late."""
    images = codec.draw_images(np.random.default_rng(0), 2)
    shape = (images - images[:, :, :1, :1]).abs().amax(1, keepdim=True) > codec.SHAPE_DIFFERS
    assert 0.01 < shape.float().mean() < 0.3


def test_captions_are_padded_as_the_pipeline_pads_prompts() -> None:
    caption_encoder = words.CaptionEncoder(words.train_tokenizer())
    text = "a red circle"
    whole = caption_encoder.tokenizer(text, padding="max_length", max_length=words.LENGTH).input_ids
    drawn = (
        caption_encoder.encode_captions(np.random.default_rng(n), [text])[0].tolist()
        for n in range(20)
    )
    assert whole in list(drawn)
