"""Which URLs a run may open, by its settings."""

from data.settings import Settings
from engines.files.access import UrlPolicy


def build_url_policy(settings: Settings | None = None, source: str = "") -> UrlPolicy:
    """The policy of the settings (None: those of the environment), for rows of a source."""
    settings = settings or Settings()
    schemes = tuple(settings.url_schemes.lower().split(","))
    return UrlPolicy(schemes, settings.private_addresses, source)
