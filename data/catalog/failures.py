"""Which failures are tried again: for which reasons, refused by what."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from data.outcome import REASONS, Reason

OF_DECODERS: tuple[Reason, ...] = ("undecodable", "empty", "timeout", "crashed")


class Failures(BaseModel):
    """Failures to try again; all of them where nothing is said."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    reasons: tuple[Reason, ...] = ()
    """only failures for these reasons; any if left out"""
    decoder: str | None = None
    """only what this decoder refused, as "av 15.1.0"; whichever if left out"""
    outdated: bool = False
    """only what a decoder may read better now: refused by another version than there is now"""

    def values(self, now: str) -> dict[str, Any]:
        """What the queries take, where `now` is the decoder in use."""
        reasons = self.reasons or (OF_DECODERS if self.outdated else REASONS)
        other = now if self.outdated else None
        return {"reasons": list(reasons), "decoder": self.decoder, "other": other}
