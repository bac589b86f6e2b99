"""Orchestration beside the work itself, and commands beside bare Python, in cold processes."""

import sys

from bench import watched
from bench.job import Job
from bench.pairs import Pairs, measure_commands

VIDEOS, SHARDS = 200, 20
SPEC = {"engine": "fake"}
COMMAND = [sys.executable, "-m", "flows.cli.main"]
NEEDED = "import duckdb, fsspec, pydantic_settings, pyarrow.parquet, typer"


def compare_orchestration(job: Job, turns: int) -> Pairs:
    """The embed flow on many small shards of fakes beside its engine alone, workers included.

    Both in one process, with Prefect's server there already.
    """
    from tasks.service.fresh_database import prepare_database

    folder = job.scratch / "gate-flows"
    (folder / "prefect").mkdir(parents=True)
    prepare_database(folder / "prefect")
    calls = [*_flow_calls("first"), ["alone", {"videos": VIDEOS}]]  # warm up
    for turn in range(turns):
        calls += [*_flow_calls(f"turn-{turn}"), ["alone", {"videos": VIDEOS}]]
    ran = watched.stages(folder, calls, runner="in_process", shard_size=VIDEOS // SHARDS,
                         pictured=0)  # fmt: skip
    seconds = {
        name: tuple(c["seconds"] for c in ran.said["calls"] if c["name"] == name)[1:]
        for name in ("embed", "alone")
    }
    return Pairs(seconds["embed"], seconds["alone"])


def _flow_calls(corpus: str) -> list[list]:
    """Each corpus of other fakes: a corpus that is embedded has nothing to do."""
    source = {"source": f"fake://{VIDEOS}", "corpus": corpus}
    return [["ingest", source], ["embed", {"corpus": corpus, "spec": SPEC}]]


def compare_help(job: Job, turns: int) -> Pairs:
    """`reelflow --help` beside Python with nothing to do."""
    return measure_commands([*COMMAND, "--help"], [sys.executable, "-c", ""], turns)


def compare_nothing_to_do(job: Job, turns: int) -> Pairs:
    """`reelflow run` of a corpus that is up to date, beside Python that imports what it needs."""
    folder = job.scratch / "gate-run"
    calls = [["plain", {}], ["ingest", {"source": "fake://4", "corpus": "fakes"}],
             ["embed", {"corpus": "fakes", "spec": SPEC}], ["pool", {"corpus": "fakes"}],
             ["index", {"corpus": "fakes", "spec": {"gate": 0}}]]  # fmt: skip
    watched.stages(folder, calls, runner="in_process", pictured=0)
    command = [*COMMAND, "run", "fakes"]
    return measure_commands(command, [sys.executable, "-c", NEEDED], turns,
                            REELFLOW_ROOT=str(folder / "store"))  # fmt: skip
