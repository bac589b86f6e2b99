"""A filter on failures: which of them to try again."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from data.outcome import REASONS, Reason

# The reasons that another version of a decoder may not have.
DECODER_REASONS: tuple[Reason, ...] = ("undecodable", "empty", "timeout", "crashed")

# Not the video's fault for good: its file was away or was replaced, and ingest has seen it since;
# its storage did not answer that night; or others had the memory.
TRANSIENT_REASONS: tuple[Reason, ...] = ("missing", "unreachable", "out_of_memory")


class Failures(BaseModel):
    """Failures to try again; all of them by default."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    reasons: tuple[Reason, ...] = ()
    """Only failures with these reasons. [default: any]"""
    decoder: str | None = None
    """Only failures of this decoder version, such as "av 15.1.0". [default: any]"""
    outdated: bool = False
    """Only failures of another decoder version than the installed one, which may do better."""

    def to_parameters(self, installed: str) -> dict[str, Any]:
        """Parameters of the queries; `installed` is the decoder in use, with its version."""
        reasons = self.reasons or (DECODER_REASONS if self.outdated else REASONS)
        other = installed if self.outdated else None
        return {"reasons": list(reasons), "decoder": self.decoder, "other": other}
