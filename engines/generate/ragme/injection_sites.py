"""Where in a UNet3D a controller adds to the features, and how without changing the UNet."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers import UNet3DConditionModel
    from torch import Tensor, nn

    from engines.nets.controller import Conditioning, Controller
    from engines.nets.norms import Moment


@dataclass(frozen=True, slots=True)
class Site:
    """A module whose output is added to; `channels` are its."""

    name: str
    channels: int
    module: "nn.Module"


def sites(unet: "UNet3DConditionModel") -> list[Site]:
    """After every temporal attention on the way down and up, and after the middle, in call order.

    16 for ZeroScope: RAGME (arXiv 2504.06672) numbers its blocks so.
    """
    widths = list(unet.config.block_out_channels)
    middle = unet.mid_block.temp_convs
    return [
        *_beside("down_blocks", unet.down_blocks, widths),
        Site(f"mid_block.temp_convs.{len(middle) - 1}", widths[-1], middle[-1]),
        *_beside("up_blocks", unet.up_blocks, widths[::-1]),
    ]


def _beside(name: str, blocks: "nn.ModuleList", widths: list[int]) -> Iterator[Site]:
    for index, (block, width) in enumerate(zip(blocks, widths, strict=True)):
        for layer, module in enumerate(getattr(block, "temp_attentions", ())):
            yield Site(f"{name}.{index}.temp_attentions.{layer}", width, module)


@dataclass
class _Call:
    """What is known of the call of the UNet that is under way."""

    moment: "Moment"
    frames: int = field(default=0)


@contextmanager
def infused(
    unet: "UNet3DConditionModel", controller: "Controller", conditioning: "Conditioning"
) -> Iterator[None]:
    """While it lasts, calls of the UNet (of the conditioning's batch) have the clips added.

    Gradients go through, to the conditioning and the controller.
    """
    from engines.nets.norms import Moment

    call = _Call(Moment())
    with ExitStack() as undo:

        def hook(handle: Any) -> None:
            undo.callback(handle.remove)

        hook(unet.register_forward_pre_hook(partial(_begin, call), with_kwargs=True))
        hook(unet.time_embedding.register_forward_hook(partial(_embedded, call)))
        for index, site in enumerate(sites(unet)):
            add = partial(_add, call, controller, conditioning, index)
            hook(site.module.register_forward_hook(add))
        yield


def _begin(call: _Call, unet: "nn.Module", args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    import torch

    given = dict(zip(("sample", "timestep"), args, strict=False)) | kwargs
    sample = given["sample"]
    timestep = torch.as_tensor(given["timestep"], device=sample.device)
    call.moment.timestep = timestep.expand(len(sample))
    call.frames = sample.shape[2]


def _embedded(call: _Call, module: "nn.Module", args: Any, output: "Tensor") -> None:
    call.moment.embedding = output


def _add(
    call: _Call,
    controller: "Controller",
    conditioning: "Conditioning",
    index: int,
    module: "nn.Module",
    args: Any,
    output: "Tensor | tuple[Tensor, ...]",
) -> Any:
    features = output if not isinstance(output, tuple) else output[0]
    features = controller.infuse(index, features, call.frames, conditioning, call.moment)
    return features if not isinstance(output, tuple) else (features, *output[1:])
