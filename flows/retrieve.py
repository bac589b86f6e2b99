"""The retrieve flow: a file of prompts becomes a table of hits."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.specs import RetrieveSpec
from data.workplace import open_workplace
from tasks.retrieve import retrieve_prompts


@flow(name="retrieve", flow_run_name="retrieve-{corpus}")
def retrieve(
    corpus: str, prompts: str, out: str, spec: RetrieveSpec = RetrieveSpec()
) -> dict[str, Any]:
    """Writes the k best videos of every prompt as Parquet.

    Args:
        corpus: a corpus that was indexed
        prompts: a text file, one prompt a line, or a table with columns txt and videoID
        out: the Parquet file to write
        spec: how many, how alike at most, and which videos to choose among
    """
    return retrieve_prompts(open_workplace(Settings()), corpus, prompts, out, spec)
