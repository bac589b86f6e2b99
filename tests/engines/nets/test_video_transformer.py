import torch
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

from engines.nets.video_transformer import VideoTransformer


def renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Released names to those of transformers, which has the three projections apart."""
    parts = {
        "norm1": "layernorm_before", "norm2": "layernorm_after", "attn.proj":
        "attention.output.dense", "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense",
        "attn.q_bias": "attention.attention.query.bias",
        "attn.v_bias": "attention.attention.value.bias",
    }  # fmt: skip
    found = {}
    for name, value in state.items():
        name = name.replace("patch_embed.proj", "videomae.embeddings.patch_embeddings.projection")
        name = name.replace("blocks.", "videomae.encoder.layer.").replace("head.", "classifier.")
        for old, new in parts.items():
            name = name.replace(old, new)
        if name.endswith("qkv.weight"):
            for part, rows in zip(("query", "key", "value"), value.chunk(3), strict=True):
                found[name.replace("attn.qkv", f"attention.attention.{part}")] = rows
        else:
            found[name] = value
    return found


def test_it_is_the_transformer_of_transformers() -> None:
    torch.manual_seed(0)
    ours = VideoTransformer(48, 3, 4, 96, patch=8, depth=2, classes=7).eval()
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    config = VideoMAEConfig(
        image_size=32, patch_size=8, num_frames=6, tubelet_size=2, hidden_size=48,
        num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, layer_norm_eps=1e-6,
        qkv_bias=True, use_mean_pooling=True, num_labels=7,
    )  # fmt: skip
    theirs = VideoMAEForVideoClassification(config).eval()
    theirs.load_state_dict(renamed(ours.state_dict()))
    clips = torch.rand(2, 3, 6, 32, 32)
    with torch.inference_mode():
        expected = theirs(clips.transpose(1, 2)).logits
        torch.testing.assert_close(ours(clips), expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(
            ours.head(ours.extract_features(clips)), expected, atol=1e-5, rtol=1e-4
        )
