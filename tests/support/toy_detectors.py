"""Small random SAM and Grounding DINO networks in their published file formats."""

from pathlib import Path

import torch

from support import toy_grounding, toy_sam

WORDS = ["man", "woman", "horse", "cat", "car", "dinosaur", "toy", "blue", "cap", "face", "a"]
PIECES = ["##s", "##y"]


def vocabulary() -> list[str]:
    """Word pieces in which phrase marks have BERT's numbers."""
    places = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1010: ",",
              1012: ".", 1029: "?"}  # fmt: skip
    return [places.get(n, f"[unused{n}]") for n in range(1030)] + WORDS + PIECES


def write_small(folder: Path) -> dict[str, str]:
    """Writes files for sam, grounding and bert_vocabulary; returns paths for a spec's weights."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "sam": "sam_vit_b_01ec64.pth",
        "grounding": "groundingdino_swint_ogc.pth",
        "bert_vocabulary": "vocab.txt",
    }
    torch.save(toy_sam.state(), folder / files["sam"])
    wrapped = {f"module.{name}": value for name, value in toy_grounding.state().items()}
    torch.save({"model": wrapped}, folder / files["grounding"])
    (folder / files["bert_vocabulary"]).write_text("\n".join(vocabulary()) + "\n")
    return {name: str(folder / file) for name, file in files.items()}
