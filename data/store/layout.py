"""The names of files and folders in the store."""

from data.ids import check_corpus_name

# These names are in every store: changing one would orphan what older versions wrote.
ANSWERS = "answers"
CATALOG = "catalog.duckdb"
DISTANCES = "distances"
EVALUATIONS = "evaluations"
EXPERIMENTS = "experiments"
TEXT_EXPERIMENTS = "text-experiments"
FEATURES = "features"
GENERATIONS = "generations"
MEDIA = "media"
REFINEMENTS = "refinements"
STORE_ID = "store.json"


def corpus_folder(name: str) -> str:
    """The folder of everything about a corpus."""
    return f"corpora/{check_corpus_name(name)}"


def videos_folder(name: str) -> str:
    """The folder of a corpus's videos: Parquet parts, written by ingests."""
    return f"{corpus_folder(name)}/videos"


def ingests_folder(name: str) -> str:
    """The folder of the ingests' own records: what each one read, and that it ended."""
    return f"{corpus_folder(name)}/ingests"


def failed_ingest_file(name: str) -> str:
    """The error that ended the corpus's last ingest, if one did."""
    return f"{corpus_folder(name)}/ingest-failed.json"


def stage_folder(name: str, kind: str, fingerprint: str) -> str:
    """The folder of a stage's artifacts under one spec: `corpora/c/embed/<fingerprint>`."""
    return f"{corpus_folder(name)}/{kind}/{fingerprint}"


def withdrawn_folder(name: str) -> str:
    """The folder of the marks of videos that must not be used any more."""
    return f"{corpus_folder(name)}/withdrawn"


def backfill_file(name: str, run: str) -> str:
    """The plan of a backfill's flow run, and its approval."""
    return f"{corpus_folder(name)}/backfills/{run}.json"


def figures_file(name: str) -> str:
    """The corpus's figures as the last run left them."""
    return f"{corpus_folder(name)}/figures.json"


def night_file(name: str) -> str:
    """The record of the corpus's last completed pipeline run."""
    return f"{corpus_folder(name)}/last-night.json"


def generation_folder(run: str) -> str:
    """The folder of a run of generation."""
    return f"{GENERATIONS}/{run}"


def refinement_folder(fingerprint: str) -> str:
    """The folder of a refinement: videos after each number of passes."""
    return f"{REFINEMENTS}/{fingerprint}"


def text_experiment_folder(fingerprint: str) -> str:
    """The folder of an experiment that compares answers from several texts."""
    return f"{TEXT_EXPERIMENTS}/{fingerprint}"


def experiment_folder(fingerprint: str) -> str:
    """The folder of an experiment."""
    return f"{EXPERIMENTS}/{fingerprint}"


def evaluation_folder(fingerprint: str) -> str:
    """The folder of an evaluation."""
    return f"{EVALUATIONS}/{fingerprint}"


def answers_folder(fingerprint: str) -> str:
    """The folder of a run's answers to a file of questions."""
    return f"{ANSWERS}/{fingerprint}"


def distance_folder(fingerprint: str) -> str:
    """The folder of a Fréchet or kernel distance between two sets of clips."""
    return f"{DISTANCES}/{fingerprint}"


def features_folder(fingerprint: str) -> str:
    """The folder of clips' features under one extractor, shared by all sets that have the clips."""
    return f"{FEATURES}/{fingerprint}"


def benchmark_folder(fingerprint: str) -> str:
    """The folder of a benchmark's embeddings."""
    return f"benchmarks/{fingerprint}"


def owned_folders(name: str, kind: str) -> list[str]:
    """The folders that only the run holding this stage's lock writes in."""
    if kind == "ingest":  # it has no spec, and so no folder per fingerprint
        return [videos_folder(name), ingests_folder(name)]
    return [f"{corpus_folder(name)}/{kind}"]


def current_alias(name: str, kind: str) -> str:
    """The file that holds the fingerprint of the stage that the corpus uses now."""
    return f"{corpus_folder(name)}/{kind}/current"


def successor_alias(folder: str, kind: str) -> str:
    """The file in a stage's folder that names the stage of the next kind last used over it."""
    return f"{folder}/{kind}-in-use"


def spec_file(folder: str) -> str:
    """The record of a folder's spec, version and inputs."""
    return f"{folder}/spec.json"


def shard_list(folder: str, shard: str) -> str:
    """The list of a shard's items."""
    return f"{folder}/shards/{shard}.json"


def shard_file(folder: str, shard: str) -> str:
    """The table that a shard wrote, such as its vectors."""
    return f"{folder}/shard-{shard}.parquet"


def receipt_file(folder: str, shard: str) -> str:
    """The receipt of a shard, which makes it done."""
    return f"{folder}/receipts/{shard}.json"
