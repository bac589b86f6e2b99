"""The key of an artifact, by which its page finds it again."""

import re

FORBIDDEN = re.compile("[^a-z0-9-]")  # by Prefect


def artifact_key(*parts: str) -> str:
    """Joins an artifact's key; a dash takes the place of what Prefect does not allow, as of "/"."""
    return FORBIDDEN.sub("-", "-".join(parts).lower())
