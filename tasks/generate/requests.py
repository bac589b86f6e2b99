"""Planning a run of generation: prompts become requests with their hits, written once."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import batched
from data.errors import UserError
from data.records import Prompt, Request
from data.runs.generations import Plan, Run, read_plan, record, write_plan
from data.shards.lists import names, pending, shard_name
from data.shards.stages import current
from data.specs.pipeline import GenerateSpec
from data.workspace import Workspace
from engines.base import plugin
from engines.embed.weights import file_digest
from tasks.generate.conditioning import Finder
from tasks.retrieve.bank import published


def ask(workspace: Workspace, corpus: str, spec: GenerateSpec, prompts: Sequence[Prompt]) -> Run:
    """The run that makes these prompts' videos from what the corpus's index holds now."""
    engine = plugin("generate.generators", spec.engine)
    index = embedded = None
    if spec.retrieve.k:
        stage, version = published(workspace, corpus)
        index, embedded = (stage.fingerprint, version), current(workspace.store, corpus, "embed")
    if spec.shuffled and len(prompts) < 2:
        raise UserError("one prompt has nobody to change clips with: give more, or do not shuffle")
    images = {p.id: _content(p.image) for p in prompts if p.image}
    return Run(
        corpus, spec, engine.VERSION, engine.digests(spec), index,
        embedded.fingerprint if embedded else None, tuple(prompts), images,
    )  # fmt: skip


def _content(image: str) -> str:
    """What stands for a first frame: the digest of its file, or its address."""
    return file_digest(image) if Path(image).is_file() else image


@task(name="plan-requests", cache_policy=NO_CACHE, persist_result=False)
def plan_requests(workspace: Workspace, run: Run) -> list[str]:
    """The shards to make, after every request that is in none was written into one.

    A shard that waits and holds a video withdrawn since then is planned anew.
    """
    store, folder = workspace.store, run.folder
    finder = Finder(workspace, run, refusals(run))
    record(store, run)
    written = names(store, folder, "shards")
    planned = {i.request.id for shard in written for i in read_plan(store, folder, shard).items}
    missing = [request for request in requests(run) if request.id not in planned]
    for number, some in enumerate(
        batched(missing, workspace.settings.prompts_per_shard), len(written)
    ):
        write_plan(store, folder, Plan(shard_name(number), 1, finder.planned(some)))
    for shard in pending(store, folder):
        plan = read_plan(store, folder, shard)
        if tainted := [item.request for item in plan.items if finder.withdrawn(item)]:
            fresh = {item.request.id: item for item in finder.planned(tainted)}
            items = tuple(fresh.get(item.request.id, item) for item in plan.items)
            write_plan(store, folder, replace(plan, items=items))
    return pending(store, folder)


def plan_again(workspace: Workspace, run: Run, ids: Sequence[str]) -> None:
    """Writes shards that make these requests once more, with the hits of today."""
    store, folder = workspace.store, run.folder
    finder = Finder(workspace, run, refusals(run))
    written = names(store, folder, "shards")
    plans = [read_plan(store, folder, shard) for shard in written]
    waiting = set(pending(store, folder))
    under_way = {i.request.id for plan in plans if plan.id in waiting for i in plan.items}
    wanted = set(ids) - under_way
    again = [request for request in requests(run) if request.id in wanted]
    attempt = 1 + max(plan.attempt for plan in plans)
    for number, some in enumerate(
        batched(again, workspace.settings.prompts_per_shard), len(written)
    ):
        write_plan(store, folder, Plan(shard_name(number), attempt, finder.planned(some)))


def requests(run: Run) -> Iterator[Request]:
    """One for each prompt and sample, without hits."""
    for prompt in run.prompts:
        for sample in range(run.spec.samples):
            id = prompt.id if run.spec.samples == 1 else f"{prompt.id}-{sample}"
            at = seed(run.spec.seed, prompt.text, sample)
            yield Request(id, prompt.id, prompt.text, sample, at, image=prompt.image)


def seed(start: int, text: str, sample: int) -> int:
    """63 bits that hang on the run's seed, the prompt's text and the sample, on nothing else."""
    said = json.dumps([start, text, sample], separators=(",", ":"), ensure_ascii=True)
    return int.from_bytes(sha256(said.encode()).digest()[:8]) >> 1


def refusals(run: Run) -> dict[str, tuple[str, str]]:
    """Reason and detail for each prompt that is not worth trying."""
    first: dict[tuple, str] = {}
    found: dict[str, tuple[str, str]] = {}
    for prompt in run.prompts:
        same = first.setdefault((prompt.text, prompt.where, run.images.get(prompt.id)), prompt.id)
        if same != prompt.id:
            found[prompt.id] = ("rejected", f"the same text as {same}")
        elif prompt.image and "://" not in prompt.image and not Path(prompt.image).is_file():
            found[prompt.id] = ("missing", f"no first frame {prompt.image}")
    return found
