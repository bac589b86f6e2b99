"""Who is measured, how one of them is run, and what came of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import footage, watched
from bench.peers import corpus
from bench.peers.environments import make_environment
from bench.peers.vectors import Vectors, read_vectors
from bench.peers.work import Request

HERE = Path(__file__).parent
EVERY, BATCH, CORES = 25, 64, 2
REELFLOW = (sys.executable, "-m", "flows.cli.main")


@dataclass(frozen=True, slots=True)
class Peer:
    """`script` is run by an environment of `packages`; without one it is reelflow's command."""

    name: str
    precision: str
    script: str = ""
    packages: tuple[str, ...] = ()


LOOP = ("run_loop.py", ("av==18.1.0",))
FLOOR = Peer("plain loop, PyAV 18.1 and open_clip", "fp32", *LOOP)
PEERS = (
    FLOOR,
    Peer("plain loop, PyAV 18.1 and open_clip", "bf16", *LOOP),
    Peer("clip-video-encode 1.3.0", "fp32", "run_clip_video_encode.py",
         ("clip-video-encode==1.3.0",)),
    Peer("Daft 0.7.26", "bf16", "run_daft.py", ("daft==0.7.26", "av==18.1.0")),
    Peer("Ray Data 2.60.0", "bf16", "run_ray_data.py", ("ray[data]==2.60.0", "decord==0.6.0")),
    Peer("reelflow", "fp32"),
    Peer("reelflow", "bf16"),
)  # fmt: skip


@dataclass(slots=True)
class Run:
    """What a peer took and left; `warm_s` from its first model's loading to its last vector."""

    ran: watched.Watched
    vectors: Vectors
    warm_s: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)  # reasons by id, as it tells afterwards


def run_peer(
    peer: Peer, out: Path, folder: Path, clips: Sequence[Path], swapped: bool = False,
    limit_s: float | None = None,
) -> Run:  # fmt: skip
    """Runs a peer on clips in a new folder; Skipped where it cannot be installed."""
    folder.mkdir(parents=True)
    weights = footage.weights(out)
    if not peer.script:
        return _run_reelflow(peer, folder, clips, weights, limit_s)
    name = peer.script.removeprefix("run_").removesuffix(".py")
    python = make_environment(out / "peers", name, peer.packages)
    vectors = folder / "vectors"
    request = Request(
        [str(clip.resolve()) for clip in clips], corpus.FPS, EVERY, footage.ARCHITECTURE,
        str(weights), peer.precision, CORES, BATCH, str(vectors), swapped,
    )  # fmt: skip
    asked = folder / "request.json"
    asked.write_text(json.dumps(asdict(request)))
    offline = {"HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0", "DO_NOT_TRACK": "true"}
    ran = watched.watch([python, str(HERE / peer.script), str(asked)], offline, limit_s)
    return Run(ran, read_vectors(vectors), _read_warm_s(vectors))


def _read_warm_s(vectors: Path) -> float:
    marks = [vectors / name for name in ("loaded", "ended")]
    if not all(mark.exists() for mark in marks):
        return 0.0
    loaded, ended = (float(mark.read_text()) for mark in marks)
    return ended - loaded


def _run_reelflow(
    peer: Peer, folder: Path, clips: Sequence[Path], weights: Path, limit_s: float | None
) -> Run:
    """From the table of clips to the searchable index, as one types it."""
    from data.catalog.history import sum_busy_seconds, time_span

    source = footage.table(clips, folder / "clips.parquet")
    command = [*REELFLOW, "run", "peers", "--source", str(source)]
    command += ["--model", footage.ARCHITECTURE, "--weights", str(weights)]
    command += ["--precision", peer.precision]
    own = {"REELFLOW_ROOT": str(folder / "store"), "PREFECT_HOME": str(folder / "prefect")}
    ran = watched.watch(command, own, limit_s)
    embedded = folder / "store" / "corpora" / "peers" / "embed"
    receipts = [json.loads(file.read_text()) for file in embedded.glob("*/receipts/*.json")]
    spans = (time_span(each["finished"], each["seconds"]["wall"]) for each in receipts)
    asked = [*REELFLOW, "failures", "peers", "--json"]
    listed = subprocess.run(asked, env=os.environ | own, capture_output=True, text=True).stdout
    failed = {row["id"]: row["reason"] for row in json.loads(listed or "[]")}
    return Run(ran, read_vectors(embedded), sum_busy_seconds(spans), failed)


def describe_end(run: Run, broken: str) -> str:
    """How a run with a broken file among its clips ended, and where that file is named."""
    ran = run.ran
    if ran.status is None:
        end = "hung, and was stopped"
    else:
        errors = re.findall(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception))\b", ran.err, re.MULTILINE)
        end = f"ended with {errors[-1]}" if ran.status and errors else "ended"
        end += f", status {ran.status}" if ran.status else ""
    if broken in run.failed:
        return f"{end}; file failed as {run.failed[broken]}"
    named = "named in the output only" if broken in ran.out + ran.err else "named nowhere"
    return f"{end}; file {named}"
