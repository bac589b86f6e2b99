"""Which leaked videos conditioned the outputs of a generation run."""

from collections.abc import Sequence

from data.runs.evaluations import Leak
from data.runs.generations import Run, read_generations
from data.store.storage import Store


def find_conditioning_leaks(store: Store, run: Run, leaks: Sequence[Leak]) -> dict[str, list[str]]:
    """Returns, by request of the run, the leaked videos that conditioned its output.

    Requests that no leaked video conditioned are left out.
    """
    leaked = {leak.video_id for leak in leaks}
    used = {
        row["request_id"]: sorted({hit["video_id"] for hit in row["hits"] or ()} & leaked)
        # `hits` is null in rows of requests that retrieved nothing.
        for row in read_generations(store, run)
    }
    return {request: videos for request, videos in used.items() if videos}
