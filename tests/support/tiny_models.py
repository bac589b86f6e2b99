"""Tiny random folders of real models, saved by transformers itself."""

from pathlib import Path
from typing import Any

TALK = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}%IMAGE%{% elif c['type'] == 'video' %}%VIDEO%"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SMALL = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1,
}  # fmt: skip


def build_tokenizer(*special: str, **more: Any) -> Any:
    """A tokenizer of bytes, with these control words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={sign: n for n, sign in enumerate(signs)}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", *special], **more,
    )  # fmt: skip


def save_qwen(folder: Path) -> Path:
    """A Qwen2-VL of 16 dimensions and one layer."""
    import torch
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    marks = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    tokenizer = build_tokenizer(*marks)
    start, end, image, video = (tokenizer.convert_tokens_to_ids(mark) for mark in marks)
    template = TALK.replace("%IMAGE%", f"{marks[0]}{marks[2]}{marks[1]}")
    size = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}
    Qwen2VLProcessor(
        Qwen2VLImageProcessor(size=size), tokenizer, Qwen2VLVideoProcessor(size=size),
        chat_template=template.replace("%VIDEO%", f"{marks[0]}{marks[3]}{marks[1]}"),
    ).save_pretrained(folder)  # fmt: skip
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10_000.0}
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = Qwen2VLConfig(
        text_config=SMALL | ends | {"vocab_size": len(tokenizer), "bos_token_id": None,
                                    "max_position_embeddings": 2000, "rope_parameters": rope},
        vision_config={"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2,
                       "patch_size": 14, "mlp_ratio": 1},
        image_token_id=image, video_token_id=video, vision_start_token_id=start,
        vision_end_token_id=end,
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen2VLForConditionalGeneration(config).eval().save_pretrained(folder)
    return folder


def save_smolvlm(folder: Path) -> Path:
    """A SmolVLM of 16 dimensions and one layer; it needs the package num2words."""
    import torch
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    marks = ["<image>", "<fake_token_around_image>", "<global-img>", "<video>"]
    tokenizer = build_tokenizer(*marks, "<end_of_utterance>")
    size = {"longest_edge": 28}
    SmolVLMProcessor(
        SmolVLMImageProcessor(size=size, max_image_size=size, do_image_splitting=False), tokenizer,
        SmolVLMVideoProcessor(size=size, max_image_size=size), image_seq_len=1,
        chat_template=TALK.replace("%IMAGE%", "<image>").replace("%VIDEO%", "<video>"),
    ).save_pretrained(folder)  # fmt: skip
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = SmolVLMConfig(
        text_config=SMALL | ends | {"model_type": "llama", "vocab_size": len(tokenizer)},
        vision_config={"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
                       "num_attention_heads": 2, "image_size": 28, "patch_size": 14},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"), scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    SmolVLMForConditionalGeneration(config).eval().save_pretrained(folder)
    return folder


def save_llava(folder: Path) -> Path:
    """A LLaVA-OneVision of 16 dimensions and one layer."""
    import torch
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
        Qwen2Config,
        SiglipVisionConfig,
    )

    tokenizer = build_tokenizer("<image>", "<video>")
    size, grid = {"height": 28, "width": 28}, [[28, 28]]
    LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=grid), tokenizer,
        LlavaOnevisionVideoProcessor(size=size), num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=TALK.replace("%IMAGE%", "<image>").replace("%VIDEO%", "<video>"),
    ).save_pretrained(folder)  # fmt: skip
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = LlavaOnevisionConfig(
        text_config=Qwen2Config(**SMALL, **ends, vocab_size=len(tokenizer)),
        vision_config=SiglipVisionConfig(
            hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
            image_size=28, patch_size=14,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=grid, vision_feature_select_strategy="full",
    )  # fmt: skip
    torch.manual_seed(0)
    LlavaOnevisionForConditionalGeneration(config).eval().save_pretrained(folder)
    return folder


def save_internvl(folder: Path) -> Path:
    """An InternVL of 16 dimensions and one layer."""
    import torch
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    marks = {
        "start_image_token": "<img>", "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>", "video_token": "<video>",
    }  # fmt: skip
    tokenizer = build_tokenizer(*marks.values(), extra_special_tokens=marks)
    size = {"height": 28, "width": 28}
    InternVLProcessor(
        GotOcr2ImageProcessor(size=size, crop_to_patches=False), tokenizer,
        InternVLVideoProcessor(size=size), image_seq_length=1,
        chat_template=TALK.replace("%IMAGE%", "<IMG_CONTEXT>\n").replace("%VIDEO%", "<video>\n"),
    ).save_pretrained(folder)  # fmt: skip
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = InternVLConfig(
        text_config=SMALL | ends | {"model_type": "qwen2", "vocab_size": len(tokenizer)},
        vision_config={"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
                       "num_attention_heads": 2, "image_size": [28, 28], "patch_size": [14, 14]},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"), image_seq_length=1,
    )  # fmt: skip
    torch.manual_seed(0)
    InternVLForConditionalGeneration(config).eval().save_pretrained(folder)
    return folder
