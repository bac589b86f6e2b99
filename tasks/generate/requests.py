"""Plans a run of generation: prompts become requests with their hits, listed once in shards."""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import iter_batches
from data.errors import UserError
from data.outcome import MACHINE_REASONS
from data.records import Prompt, Request
from data.runs.generations import (
    PlannedRequest,
    Run,
    read_generations,
    read_request,
    record_run,
)
from data.shards.lists import add_shards, list_done, list_pending, list_shards, read_shard
from data.shards.stages import current_stage
from data.specs.pipeline import GenerateSpec
from data.stamps import hash_json
from data.workspace import Workspace
from engines.base import load_plugin
from engines.embed.weights import digest_file
from tasks.captions.stage import require_captions
from tasks.generate.conditioning import ConditioningRetrieval
from tasks.generate.motion_source import (
    MOTION_SOURCE,
    digest_motion_sources,
    name_source,
)
from tasks.generate.spec import require_base
from tasks.motion.stage import find_features
from tasks.plan import select_missing, update_pending
from tasks.retrieve.choose import describe_index

COLUMNS = "prompt_columns"  # among a run's digests


def build_run(
    workspace: Workspace, corpus: str, spec: GenerateSpec, prompts: Sequence[Prompt]
) -> Run:
    """The run that makes these prompts' videos from what the corpus's index holds now."""
    require_base(workspace, corpus, spec)
    engine = load_plugin("generate.generators", spec.engine)
    index = embedded = None
    digests = engine.digests(spec)
    if spec.motion.takes_one:
        digests = digests | {MOTION_SOURCE: digest_motion_sources(workspace, corpus, spec, prompts)}
    elif spec.retrieve.k:
        index = describe_index(workspace, corpus, spec.retrieve.by)
        embedded = current_stage(workspace.store, corpus, "embed")
    if spec.shuffled and len(prompts) < 2:
        raise UserError("shuffled needs two prompts or more, since each gets the clips of another")
    images = {p.id: _digest_image(p.image) for p in prompts if p.image}
    features = find_features(workspace, corpus, spec)
    if columns := _list_columns(workspace, corpus, spec):
        values = [[prompt.id, *map(prompt.find_value, columns)] for prompt in prompts]
        digests = digests | {COLUMNS: hash_json(values)}
    return Run(
        corpus, spec, engine.VERSION, digests, index,
        embedded.fingerprint if embedded else None, tuple(prompts), images,
        features.fingerprint if features else None,
    )  # fmt: skip


def _list_columns(workspace: Workspace, corpus: str, spec: GenerateSpec) -> list[str]:
    """The columns of prompts that decide which clips they get."""
    retrieve = spec.retrieve
    if spec.motion.takes_one or not retrieve.k:
        return []  # what a prompt names is digested by its bytes
    captions = "caption" in retrieve.by and require_captions(workspace, corpus)[1].column
    return [name for name in (retrieve.own, retrieve.not_from_same, captions) if name]


def _digest_image(image: str) -> str:
    """The digest of a first frame's file, or its address."""
    return digest_file(image) if Path(image).is_file() else image


@task(name="plan-requests", cache_policy=NO_CACHE, persist_result=False)
def plan_requests(workspace: Workspace, run: Run) -> list[str]:
    """Lists every request without a video, with its hits, in shards; the shards to make.

    Requests that a machine failed, not their prompts, are among them. Others that failed are not.
    Pending requests that follow a video withdrawn since they were listed get new hits.
    """
    store, folder = workspace.store, run.folder
    retrieval = ConditioningRetrieval(workspace, run, find_rejections(run))
    record_run(store, run)  # first: no list may be without its run
    update_pending(store, folder, read_request, retrieval.replace_withdrawn)
    again = {
        row["request_id"]
        for row in read_generations(store, run)
        if row["reason"] in MACHINE_REASONS
    }
    answered = _list_ids(workspace, run, list_done(store, folder)) - again
    missing = select_missing(store, folder, build_requests(run), answered, read_request)
    attempt = _next_attempt(workspace, run) if again else 1
    _add_requests(workspace, run, retrieval, missing, attempt)
    return list_pending(store, folder)


def replan_requests(workspace: Workspace, run: Run, ids: Sequence[str]) -> None:
    """Lists these requests again with new hits, except for those that are pending already."""
    store, folder = workspace.store, run.folder
    retrieval = ConditioningRetrieval(workspace, run, find_rejections(run))
    requested = set(ids)
    wanted = (request for request in build_requests(run) if request.id in requested)
    missing = select_missing(store, folder, wanted, (), read_request)
    _add_requests(workspace, run, retrieval, missing, _next_attempt(workspace, run))


def _next_attempt(workspace: Workspace, run: Run) -> int:
    """One more than any attempt so far: the newest row of a request is that of the latest."""
    store, folder = workspace.store, run.folder
    names = list_shards(store, folder)
    return 1 + max(read_shard(store, folder, name, read_request).attempt for name in names)


def _add_requests(
    workspace: Workspace, run: Run, retrieval: ConditioningRetrieval,
    requests: Iterable[Request], attempt: int = 1,
) -> None:  # fmt: skip
    size = workspace.settings.prompts_per_shard
    batches = map(retrieval.plan_requests, iter_batches(requests, size))
    items: Iterator[PlannedRequest] = (item for batch in batches for item in batch)
    add_shards(workspace.store, run.folder, items, size, attempt)


def _list_ids(workspace: Workspace, run: Run, shards: Iterable[str]) -> set[str]:
    """The ids of the requests that these shards list."""
    lists = (read_shard(workspace.store, run.folder, name, read_request) for name in shards)
    return {item.id for shard in lists for item in shard.items}


def build_requests(run: Run) -> Iterator[Request]:
    """Yields a request for each prompt and sample, without hits."""
    for prompt in run.prompts:
        for sample in range(run.spec.samples):
            id = prompt.id if run.spec.samples == 1 else f"{prompt.id}-{sample}"
            seed = derive_seed(run.spec.seed, prompt.text, sample)
            yield Request(id, prompt.id, prompt.text, sample, seed, image=prompt.image)


def derive_seed(start: int, text: str, sample: int) -> int:
    """A seed of 63 bits from the run's seed, the prompt's text and the sample, and nothing else."""
    # Not of the prompt's place: prompts may be added or reordered, and keep their videos.
    key = json.dumps([start, text, sample], separators=(",", ":"), ensure_ascii=True)
    return int.from_bytes(sha256(key.encode()).digest()[:8]) >> 1


def find_rejections(run: Run) -> dict[str, tuple[str, str]]:
    """The reason and detail of each prompt that cannot be tried, by its id."""
    first: dict[tuple, str] = {}
    motion = run.spec.motion
    rejections: dict[str, tuple[str, str]] = {}
    for prompt in run.prompts:
        key = (prompt.text, prompt.where, run.images.get(prompt.id))
        # Seeds are derived from the text: the same prompt would give the same video again.
        same = first.setdefault(key, prompt.id)
        if same != prompt.id:
            rejections[prompt.id] = ("rejected", f"the same text as {same}")
        elif prompt.image and "://" not in prompt.image and not Path(prompt.image).is_file():
            rejections[prompt.id] = ("missing", f"no first frame {prompt.image}")
        elif motion.takes_one and not name_source(motion, prompt):
            rejections[prompt.id] = ("missing", f"no video in its column {motion.source_column}")
    return rejections
