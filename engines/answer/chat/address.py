"""The address of a chat server, as somebody names it."""

from urllib.parse import urlsplit

from data.errors import UserError
from engines.files.access import UrlPolicy
from engines.files.web import is_private_host
from engines.worker import ModelSetup


def find_address(setup: ModelSetup) -> str:
    """The server's address, ending in its version as in /v1; a UserError where it is none."""
    address = (setup.server or "").strip().rstrip("/").removesuffix("/chat/completions")
    if not address:
        raise UserError(
            "--model openai needs a server: export REELFLOW_SERVER=http://localhost:8000/v1"
        )
    # Not a row names this host but the user, so it may be in a private network.
    rejection = UrlPolicy(("http", "https"), private=True).find_rejection(address)
    if rejection or "://" not in address:
        raise UserError(f"REELFLOW_SERVER: {rejection or 'its address is not valid'}")
    parts = urlsplit(address)
    if setup.api_key and parts.scheme == "http" and not is_private_host(parts.hostname or ""):
        raise UserError(f"the key would go to {parts.hostname} in the clear: name it with https://")
    return address if parts.path.strip("/") else f"{address}/v1"
