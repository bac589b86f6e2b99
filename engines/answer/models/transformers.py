"""Video-language models of transformers: Qwen-VL, LLaVA-OneVision, SmolVLM2, InternVL and others.

Any folder whose model takes pictures or videos and text. Greedy decoding; options are scored by
the log-probabilities of their letters as the reply's first token.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from data.batches import iter_batches
from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from data.specs.answer import AnswerSpec
from engines.answer.model_folder import ModelFolder, count_frames
from engines.device import deterministic_inference
from engines.embed.model_folders import digest_folder, find_folder
from engines.memory import is_out_of_memory
from engines.video_model import Prompt, Reply
from engines.worker import ModelSetup

if TYPE_CHECKING:
    import torch

VERSION = "1"
CAPABILITIES = frozenset({"option_scores"})
FLAG = "--weights FOLDER, or for captions --captioner-weights FOLDER"
BATCH = 4  # prompts at once: one of 32 frames has some 6,000 tokens


def digest(spec: AnswerSpec) -> str:
    """The digest of the folder's weights, settings and chat template; a UserError without any."""
    if not spec.weights:
        raise UserError(f"transformers needs a model, a folder or a published name: {FLAG}")
    folder = find_folder(spec.weights, FLAG)
    if not list(folder.glob("*.safetensors")):
        raise UserError(f"{folder} has no weights in safetensors: other formats are not loaded")
    return digest_folder(folder, "chat_template.jinja", "tokenizer.model")


class Model:
    """Replies batch by batch; a batch that is too large for memory is tried one by one."""

    def __init__(self, spec: AnswerSpec) -> None:
        self.spec = spec
        self._computing = threading.Lock()  # another thread would only share the same cores

    def load(self, setup: ModelSetup) -> None:
        """Loads processor and weights."""
        import torch

        torch.set_num_threads(setup.threads)
        self._folder = ModelFolder(find_folder(str(self.spec.weights), FLAG))

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Outcome[Reply]]:
        """One outcome per prompt, in order."""
        for _, alike in groupby(prompts, _describe_shape):
            for batch in iter_batches(alike, BATCH):
                with self._computing:
                    outcomes = self._reply_all(batch)
                yield from outcomes

    def close(self) -> None:
        """Nothing to close."""

    def _reply_all(self, batch: list[Prompt]) -> list[Outcome[Reply]]:
        import torch

        try:
            return self._reply(batch)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                detail = f"{count_frames(batch[0])} frames do not fit: {str(error)[:100]}"
                return [Failed(batch[0].id, "out_of_memory", detail)]
        torch.cuda.empty_cache()
        return [outcome for prompt in batch for outcome in self._reply_all([prompt])]

    def _reply(self, batch: list[Prompt]) -> list[Outcome[Reply]]:
        started = time.perf_counter()
        inputs = self._folder.prepare(batch)
        lengths = inputs["attention_mask"].sum(1).tolist()
        failed = {
            prompt.id: self._reject_length(prompt, length)
            for prompt, length in zip(batch, lengths, strict=True)
            if self._is_too_long(prompt, length)
        }
        if failed:  # its padding would take the others' memory too
            rest = [prompt for prompt in batch if prompt.id not in failed]
            done = {each.id: each for each in (self._reply_all(rest) if rest else ())}
            return [(failed | done)[prompt.id] for prompt in batch]
        with deterministic_inference():
            output = self._folder.model.generate(
                **inputs, max_new_tokens=max(prompt.max_tokens for prompt in batch),
                do_sample=False, num_beams=1, temperature=None, top_p=None, top_k=None,
                pad_token_id=self._folder.tokenizer.pad_token_id,
                output_logits=True, return_dict_in_generate=True,
            )  # fmt: skip
        seconds = (time.perf_counter() - started) / len(batch)
        written = output.sequences[:, inputs["input_ids"].shape[1] :]
        return [
            Done(prompt.id, self._read_reply(prompt, length, tokens, first, seconds))
            for prompt, length, tokens, first in zip(
                batch, lengths, written, output.logits[0], strict=True
            )
        ]

    def _read_reply(
        self, prompt: Prompt, length: int, tokens: "torch.Tensor", first: "torch.Tensor",
        seconds: float,
    ) -> Reply:  # fmt: skip
        ends: Any = self._folder.model.generation_config.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        ids = tokens.tolist()[: prompt.max_tokens]
        count = next((n for n, id in enumerate(ids) if id in ends), len(ids))
        text = self._folder.tokenizer.decode(ids[:count], skip_special_tokens=True)
        scores = self._score_options(prompt.options, first)
        return Reply(text.strip(), scores, length, count, seconds)

    def _score_options(
        self, options: Sequence[str], logits: "torch.Tensor"
    ) -> tuple[float, ...] | None:
        letters = self._folder.find_letters(options) if options else None
        if letters is None:
            return None
        known = logits.float().log_softmax(0).cpu().numpy()
        return tuple(float(np.logaddexp.reduce(known[ids])) for ids in letters)

    def _is_too_long(self, prompt: Prompt, length: int) -> bool:
        longest = self._folder.longest
        return longest is not None and length + prompt.max_tokens > longest

    def _reject_length(self, prompt: Prompt, length: int) -> Failed:
        detail = f"{length:,} tokens and a reply: the model has room for {self._folder.longest:,}"
        return Failed(prompt.id, "too_long", detail)


def _describe_shape(prompt: Prompt) -> tuple[int, bool]:
    """The number of frames and whether they have times: the same for all prompts of a batch."""
    count = count_frames(prompt)
    return count, len(prompt.times) == count
