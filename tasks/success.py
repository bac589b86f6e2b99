"""The rule that a run in which nothing went through is an error, in every stage."""

from collections import Counter
from collections.abc import Mapping

from data.errors import UserError


def require_success(
    what: str, done: int, failed: Mapping[str, int], detail: str = "", see: str = ""
) -> None:
    """A UserError where items ("video") were tried and not one of them went through.

    `failed` counts them by reason, `detail` is what one of them failed of, and `see` says where
    all of them stand. One broken item beside good ones is a row, never an error.
    """
    # Nothing tried is no failure: nightly runs often find no new video.
    if done or not any(failed.values()):
        return
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in Counter(failed).most_common())
    total = sum(failed.values())
    subject = f"all {total:,} {what}s" if total > 1 else f"the only {what}"
    parts = [f"{subject} failed ({reasons})", detail, see]
    raise UserError("; ".join(part for part in parts if part))
