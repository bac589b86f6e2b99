"""Brings the weights of an embedding model to this machine, with progress."""

import time

from data.specs.models import describe_model
from data.specs.pipeline import EmbedSpec
from engines.base import load_plugin
from tasks.progress import Progress, notify, publish_progress

MEGABYTE = 1_000_000


def prepare_model(spec: EmbedSpec) -> None:
    """Fetches the weights that a spec names, with progress; a UserError where that cannot be."""
    progress = Progress("download", 0, unit="megabyte")

    def report(done: int, total: int) -> None:
        if not progress.total:
            notify(f"downloading {describe_model(spec)}, once: {total / MEGABYTE:,.0f} MB")
        progress.total, progress.done = total // MEGABYTE, done // MEGABYTE
        progress.latest = time.monotonic()
        publish_progress(progress)

    load_plugin("embed.models", spec.engine).prepare(spec, report)
