"""Where things lie in the store."""

from data.ids import corpus_name

CATALOG = "catalog.duckdb"


def corpus(name: str) -> str:
    return f"corpora/{corpus_name(name)}"


def videos(name: str) -> str:
    return f"{corpus(name)}/videos"


def ingests(name: str) -> str:
    return f"{corpus(name)}/ingests"


def stage(name: str, kind: str, fingerprint: str) -> str:
    """The folder of one stage's artifacts under one spec, as `corpora/c/embed/<fingerprint>`."""
    return f"{corpus(name)}/{kind}/{fingerprint}"


def written_by(name: str, kind: str) -> list[str]:
    """The folders that only a run of this stage writes in."""
    if kind == "ingest":
        return [videos(name), ingests(name)]
    return [f"{corpus(name)}/{kind}"]


def current(name: str, kind: str) -> str:
    """The alias that says which fingerprint of a stage the corpus uses now."""
    return f"{corpus(name)}/{kind}/current"


def spec(folder: str) -> str:
    return f"{folder}/spec.json"


def shard_list(folder: str, shard: str) -> str:
    return f"{folder}/shards/{shard}.json"


def shard_file(folder: str, shard: str) -> str:
    return f"{folder}/shard-{shard}.parquet"


def receipt(folder: str, shard: str) -> str:
    return f"{folder}/receipts/{shard}.json"
