"""The key of an artifact, by which its page finds it again."""


def artifact_key(*parts: str) -> str:
    """Joins an artifact's key; Prefect allows lower-case letters, digits and dashes only."""
    return "-".join(parts).lower().replace("_", "-").replace(".", "-")
