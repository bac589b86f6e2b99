"""A folder of a video-language model of transformers: checked, loaded, and how it takes frames."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError
from engines.answer.control_tokens import defuse_text
from engines.pretrained import explain_fault, load_pretrained
from engines.video_model import Prompt

TICKS = 1000  # a second, of the clock that frames' times are told in
LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


class ModelFolder:
    """Processor and model of a folder, without any code of its own."""

    def __init__(self, folder: Path) -> None:
        """Loads both, in the precision that the weights have; a UserError where it cannot."""
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._processor = AutoProcessor.from_pretrained(folder, **LOCAL)
        except (ValueError, KeyError, OSError, ImportError) as error:
            raise UserError(explain_fault(folder, error)) from error
        model = load_pretrained(AutoModelForImageTextToText, folder, dtype="auto", **LOCAL)
        self.model = model.to(self.device)
        self.tokenizer = self._processor.tokenizer
        if not self._processor.chat_template:
            raise UserError(f"{folder} has no chat template: it is not a model that is talked to")
        # Replies of a batch begin at the same place.
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self._control = sorted(self.tokenizer.get_added_vocab(), key=len, reverse=True)
        settings = self.model.config.get_text_config()
        self.longest: int | None = getattr(settings, "max_position_embeddings", None)

    def prepare(self, prompts: Sequence[Prompt]) -> Any:
        """The inputs of a batch, whose prompts all have frames or all have none."""
        text = [self._render(prompt) for prompt in prompts]
        media = self._prepare_frames(prompts) if count_frames(prompts[0]) else {}
        inputs = self._processor(text=text, padding=True, return_tensors="pt", **media)
        return inputs.to(self.device, self.model.dtype)

    def find_letters(self, options: Sequence[str]) -> list[list[int]] | None:
        """The tokens that an option's letter may be, of each option; None where one has none."""
        found = []
        for option in options:
            coded = [
                self.tokenizer.encode(text, add_special_tokens=False)
                for text in (option, f" {option}")
            ]
            found.append(sorted({ids[0] for ids in coded if len(ids) == 1}))
        return found if all(found) else None

    def _takes_video(self, prompt: Prompt) -> bool:
        has_times = count_frames(prompt) == len(prompt.times) > 1
        return has_times and getattr(self._processor, "video_processor", None) is not None

    def _render(self, prompt: Prompt) -> str:
        count, content = count_frames(prompt), list[dict[str, str]]()
        if self._takes_video(prompt):
            content.append({"type": "video"})
        else:
            content += [{"type": "image"}] * count
        text = defuse_text("\n".join(prompt.blocks), self._control)
        content.append({"type": "text", "text": text})
        return self._processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )

    def _prepare_frames(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        import torch

        frames = [
            torch.from_numpy(np.ascontiguousarray(each.frames.transpose(0, 3, 1, 2)))
            for each in prompts
            if each.frames is not None
        ]
        if not self._takes_video(prompts[0]):
            return {"images": [list(each) for each in frames]}
        told = [describe_times(prompt.times) for prompt in prompts]
        return {"videos": frames, "video_metadata": told, "do_sample_frames": False}


def count_frames(prompt: Prompt) -> int:
    """The number of frames that come with a prompt."""
    return 0 if prompt.frames is None else len(prompt.frames)


def describe_times(times: Sequence[float]) -> dict[str, Any]:
    """When frames were taken, as transformers' processors are told: frames of a clock's ticks."""
    ticks = [round(seconds * TICKS) for seconds in times]
    step = (ticks[-1] - ticks[0]) / max(len(ticks) - 1, 1)
    total = max(1, round(step * len(ticks)))
    return {
        "fps": float(TICKS), "frames_indices": ticks, "total_num_frames": total,
        "duration": total / TICKS,
    }  # fmt: skip
