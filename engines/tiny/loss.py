"""The loss of the small CLIP: captions match their images, and clips stay apart."""

from typing import TYPE_CHECKING

from engines.tiny.examples import Batch

if TYPE_CHECKING:
    from open_clip import CLIP
    from torch import Tensor

# Near-duplicate removal starts at a cosine of 0.94: clips that merely look alike must stay below.
COUSINS_BELOW, SIBLINGS_ABOVE = 0.6, 0.9


def contrastive_loss(model: "CLIP", examples: Batch, weight: float, device: str) -> "Tensor":
    """Symmetric cross-entropy between captions and images (CLIP, arXiv 2103.00020), plus a spread.

    Its targets are shares: several images may agree with a caption, each more or less.
    """
    from torch.nn.functional import cross_entropy

    vision = model.encode_image(normalise_images(examples.images).to(device), normalize=True)
    text = model.encode_text(examples.tokens.to(device), normalize=True)
    # CLIP clamps its temperature likewise: a larger scale makes training unstable.
    logits = model.logit_scale.exp().clamp(max=100) * text @ vision.T
    right = examples.agreement.to(device)
    rows = cross_entropy(logits, right / right.sum(1, keepdim=True))
    columns = cross_entropy(logits.T, right.T / right.T.sum(1, keepdim=True))
    loss = (rows + columns) / 2
    return loss + weight * spread_loss(vision, examples) if weight else loss


def spread_loss(vision: "Tensor", examples: Batch) -> "Tensor":
    """A penalty on similar clips that are too near, and on frames of one clip too far apart."""
    cosine = vision @ vision.T
    near = (cosine[examples.cousins.to(vision.device)] - COUSINS_BELOW).relu().square().mean()
    far = (SIBLINGS_ABOVE - cosine[examples.siblings.to(vision.device)]).relu().square().mean()
    return near + far


def normalise_images(images: "Tensor") -> "Tensor":
    """Images in 0..1 as the model takes them."""
    import torch
    from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

    mean, std = torch.tensor(OPENAI_DATASET_MEAN), torch.tensor(OPENAI_DATASET_STD)
    return (images - mean[:, None, None]) / std[:, None, None]
