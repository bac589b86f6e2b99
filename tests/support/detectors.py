"""Tiny random detectors, saved by transformers itself."""

import json
from pathlib import Path


def save_grounding_dino(folder: Path) -> Path:
    """A Grounding DINO of six boxes, which knows the words cat, red and car."""
    import torch
    from transformers import (
        BertConfig,
        BertTokenizerFast,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessor,
        GroundingDinoProcessor,
        SwinConfig,
    )

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "cat", "red", "car"]
    (folder / "vocab.txt").write_text("\n".join(words))
    images = GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 64})
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    GroundingDinoProcessor(images, tokenizer).save_pretrained(folder)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, patch_size=4, embed_dim=8, depths=[1] * 3, num_heads=[1] * 3,
            window_size=4, out_indices=[1, 2, 3],
        ),
        text_config=BertConfig(
            vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16, max_position_embeddings=256,
        ),
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_attention_heads=2, num_queries=6, max_text_len=32,
    )  # fmt: skip
    torch.manual_seed(0)
    GroundingDinoForObjectDetection(config).eval().save_pretrained(folder)
    return folder


def save_owl(folder: Path) -> Path:
    """An OWLv2 of 64 x 64 pixels, which knows single letters."""
    import torch
    from transformers import (
        CLIPTokenizer,
        Owlv2Config,
        Owlv2ForObjectDetection,
        Owlv2ImageProcessor,
        Owlv2Processor,
    )

    letters = "abcdefghijklmnopqrstuvwxyz"
    signs = [*letters, *(f"{s}</w>" for s in letters), "ca", "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({s: n for n, s in enumerate(signs)}))
    (folder / "merges.txt").write_text("#version: 0.2\nc a\n")
    tokenizer = CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
    )
    size = {"height": 64, "width": 64}
    Owlv2Processor(Owlv2ImageProcessor(size=size), tokenizer).save_pretrained(folder)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
             "num_attention_heads": 2}  # fmt: skip
    config = Owlv2Config(
        text_config=small | {"vocab_size": len(signs), "max_position_embeddings": 16,
                             "bos_token_id": 53, "eos_token_id": 54, "pad_token_id": 54},
        vision_config=small | {"image_size": 64, "patch_size": 16}, projection_dim=16,
    )  # fmt: skip
    torch.manual_seed(0)
    Owlv2ForObjectDetection(config).eval().save_pretrained(folder)
    return folder
