"""The sites in a UNet3D at which a controller adds to the features, by hooks, not by subclasses."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers import UNet3DConditionModel
    from torch import Tensor, nn

    from engines.nets.controller import Conditioning, Controller
    from engines.nets.norms import DenoisingStep


@dataclass(frozen=True, slots=True)
class Site:
    """A module to whose output, of this many `channels`, the controller adds."""

    name: str
    channels: int
    module: "nn.Module"


def list_sites(unet: "UNet3DConditionModel") -> list[Site]:
    """After every temporal attention on the way down and up, and after the middle, in call order.

    16 for ZeroScope; RAGME (arXiv 2504.06672; ragme.md, section 3.5) numbers its blocks likewise.
    """
    widths = list(unet.config.block_out_channels)
    # The middle block ends with a temporal convolution, not with its temporal attention.
    middle = unet.mid_block.temp_convs
    return [
        *_list_attentions("down_blocks", unet.down_blocks, widths),
        Site(f"mid_block.temp_convs.{len(middle) - 1}", widths[-1], middle[-1]),
        *_list_attentions("up_blocks", unet.up_blocks, widths[::-1]),
    ]


def _list_attentions(name: str, blocks: "nn.ModuleList", widths: list[int]) -> Iterator[Site]:
    for index, (block, width) in enumerate(zip(blocks, widths, strict=True)):
        # Blocks without attention exist: the innermost on the way down, the first on the way up.
        for layer, module in enumerate(getattr(block, "temp_attentions", ())):
            yield Site(f"{name}.{index}.temp_attentions.{layer}", width, module)


@dataclass
class _UNetCall:
    """The denoising step and frame count of the UNet's call in progress."""

    step: "DenoisingStep"
    frames: int = field(default=0)


@contextmanager
def inject_clips(
    unet: "UNet3DConditionModel", controller: "Controller", conditioning: "Conditioning"
) -> Iterator[None]:
    """Within the block, calls of the UNet (of the conditioning's batch) have the clips added.

    Gradients flow through to the conditioning and the controller.
    """
    from engines.nets.norms import DenoisingStep

    call = _UNetCall(DenoisingStep())
    # Removed even if the UNet raises: a hook left behind would act on the next request.
    with ExitStack() as undo:

        def keep_hook(handle: Any) -> None:
            undo.callback(handle.remove)

        # A site's hook sees features only; step and frame count are noted on the way there.
        keep_hook(unet.register_forward_pre_hook(partial(_record_call, call), with_kwargs=True))
        keep_hook(unet.time_embedding.register_forward_hook(partial(_record_embedding, call)))
        for index, site in enumerate(list_sites(unet)):
            inject = partial(_inject_site, call, controller, conditioning, index)
            keep_hook(site.module.register_forward_hook(inject))
        yield


def _record_call(
    call: _UNetCall, unet: "nn.Module", args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    import torch

    inputs = dict(zip(("sample", "timestep"), args, strict=False)) | kwargs
    sample = inputs["sample"]
    timestep = torch.as_tensor(inputs["timestep"], device=sample.device)
    call.step.timestep = timestep.expand(len(sample))
    call.frames = sample.shape[2]


def _record_embedding(call: _UNetCall, module: "nn.Module", args: Any, output: "Tensor") -> None:
    call.step.embedding = output


def _inject_site(
    call: _UNetCall,
    controller: "Controller",
    conditioning: "Conditioning",
    index: int,
    module: "nn.Module",
    args: Any,
    output: "Tensor | tuple[Tensor, ...]",
) -> Any:
    # The UNet has its temporal attentions return tuples, and its convolutions tensors.
    features = output if not isinstance(output, tuple) else output[0]
    features = controller.inject_residual(index, features, call.frames, conditioning, call.step)
    return features if not isinstance(output, tuple) else (features, *output[1:])
