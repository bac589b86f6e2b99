"""What processes that describe and train motion need, once for all; each step is a checkpoint.

Imported only by the processes of `Shop.run_each`: it changes modules for good.
"""

import accelerate  # noqa: F401
from diffusers import (  # noqa: F401
    AutoencoderKLTemporalDecoder,
    EulerDiscreteScheduler,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
)
from transformers import (  # noqa: F401
    CLIPImageProcessor,
    CLIPVisionModelWithProjection,
    Dinov2Model,
    VideoMAEModel,
)

import engines.train.motion_adapter
import engines.train.motion_context
import flows.motion_features
import flows.train_motion  # noqa: F401

engines.train.motion_adapter.SAVE_EVERY = engines.train.motion_context.SAVE_EVERY = 1
