"""Where things lie in the store."""

from data.ids import corpus_name

CATALOG = "catalog.duckdb"
DISTANCES = "distances"
EVALUATIONS = "evaluations"
EXPERIMENTS = "experiments"
FEATURES = "features"
GENERATIONS = "generations"
MEDIA = "media"


def corpus(name: str) -> str:
    """The folder of all that is known of a corpus."""
    return f"corpora/{corpus_name(name)}"


def videos(name: str) -> str:
    """The folder of the Parquet parts that ingests wrote."""
    return f"{corpus(name)}/videos"


def ingests(name: str) -> str:
    """The folder of what each ingest says of itself."""
    return f"{corpus(name)}/ingests"


def stage(name: str, kind: str, fingerprint: str) -> str:
    """The folder of one stage's artifacts under one spec, as `corpora/c/embed/<fingerprint>`."""
    return f"{corpus(name)}/{kind}/{fingerprint}"


def withdrawn(name: str) -> str:
    """The folder of the marks of videos that may be used no more."""
    return f"{corpus(name)}/withdrawn"


def generation(run: str) -> str:
    """The folder of a run of generation."""
    return f"{GENERATIONS}/{run}"


def experiment(fingerprint: str) -> str:
    """The folder of an experiment."""
    return f"{EXPERIMENTS}/{fingerprint}"


def evaluation(fingerprint: str) -> str:
    """The folder of an evaluation."""
    return f"{EVALUATIONS}/{fingerprint}"


def distance(fingerprint: str) -> str:
    """The folder of what a Fréchet or kernel distance was found to be."""
    return f"{DISTANCES}/{fingerprint}"


def features(fingerprint: str) -> str:
    """The folder of the features of clips, made in one way, whichever sets they are in."""
    return f"{FEATURES}/{fingerprint}"


def benchmark(fingerprint: str) -> str:
    """The folder of a benchmark's embeddings."""
    return f"benchmarks/{fingerprint}"


def written_by(name: str, kind: str) -> list[str]:
    """The folders that only a run of this stage writes in."""
    if kind == "ingest":
        return [videos(name), ingests(name)]
    return [f"{corpus(name)}/{kind}"]


def current(name: str, kind: str) -> str:
    """The alias that says which fingerprint of a stage the corpus uses now."""
    return f"{corpus(name)}/{kind}/current"


def spec(folder: str) -> str:
    """What a stage was made with."""
    return f"{folder}/spec.json"


def shard_list(folder: str, shard: str) -> str:
    """The written list of a shard's videos."""
    return f"{folder}/shards/{shard}.json"


def shard_file(folder: str, shard: str) -> str:
    """The vectors of a shard."""
    return f"{folder}/shard-{shard}.parquet"


def receipt(folder: str, shard: str) -> str:
    """The receipt of a shard."""
    return f"{folder}/receipts/{shard}.json"
