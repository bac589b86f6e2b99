"""The spec of a search: which videos, or which moments of them, are retrieved for a query."""

from typing import Any, Literal

from pydantic import Field, model_validator

from data.specs.base import Spec

OFF = 1.01  # above every cosine
SMOOTH_S, CUT, CANDIDATES = 1.0, 0.6, 100  # measured in docs/exploring.md


class RetrieveSpec(Spec):
    """How videos are retrieved for a query. Defaults are RAGME's for text queries."""

    k: int = Field(5, ge=0)
    """Number of videos to retrieve per query."""
    ceiling: float = OFF
    """Skip videos more similar to the query than this cosine (RAGME's radius)."""
    dedup: float = 0.98
    """Treat two results more similar than this cosine as duplicates and keep one; by caption none
    unless it is given."""
    mmr: float | None = Field(None, ge=0, le=1)
    """MMR lambda: 1 ranks by similarity only, 0 by diversity only; off if left out."""
    where: str | None = None
    """SQL condition on the videos, e.g. fps > 20 or published >= '2024-01-01'."""
    exact: bool = False
    """Compare with every video instead of using the approximate index."""
    # Left out where it is empty: a spec without it keeps its fingerprint.
    exclude: tuple[str, ...] = Field((), exclude_if=lambda ids: not ids)
    """Ids of videos to exclude from the results, together with their copies."""
    exclude_groups: bool = Field(False, exclude_if=lambda on: not on)
    """Exclude the near-duplicates of excluded videos too, as `reelflow dedup` groups them."""
    not_from_same: str | None = Field(None, exclude_if=lambda column: column is None)
    """Exclude videos with the query's own value in this column, e.g. source_video of shots."""
    by: Literal["index", "caption", "image", "caption+image", "motion"] = Field(
        "index", exclude_if=lambda by: by == "index"
    )
    """What is compared: index (a text with what videos show), caption (with their captions), image
    (a prompt's picture), caption+image (of the best captions, the likest pictures), or motion (a
    prompt's own video with how others move)."""
    own: str | None = Field(None, exclude_if=lambda column: column is None)
    """Column of the prompts with the id of each one's own video in the corpus: it is excluded with
    its copies, and by exclude_groups and not_from_same with its relatives."""
    moments: bool = Field(False, exclude_if=lambda on: not on)
    """Find the moments of long videos that match, with where they begin and end."""
    smooth: float = Field(SMOOTH_S, gt=0, exclude_if=lambda value: value == SMOOTH_S)
    """Moments: seconds over which a video's scores are smoothed; at least three frames."""
    cut: float = Field(CUT, gt=0, lt=1, exclude_if=lambda value: value == CUT)
    """Moments: how far up from a video's background to its peak they begin, 0–1."""
    candidates: int = Field(CANDIDATES, ge=1, exclude_if=lambda value: value == CANDIDATES)
    """Moments: number of videos whose frames are looked at, per index."""

    @model_validator(mode="before")
    @classmethod
    def _keep_equal_captions(cls, fields: Any) -> Any:
        # Captions that say the same are no copies of one clip.
        by_caption = isinstance(fields, dict) and "caption" in str(fields.get("by", ""))
        return {"dedup": OFF} | fields if by_caption else fields


VIDEO_QUERIES = RetrieveSpec(ceiling=0.99, dedup=0.94)  # RAGME's for queries by video
