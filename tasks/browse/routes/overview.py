"""The state of the store, which the page asks for again and again while it is looked at."""

from fastapi import APIRouter

from tasks.browse.overview import State, read_state
from tasks.browse.routes.common import CurrentSession

router = APIRouter(prefix="/api", tags=["store"])


@router.get("/state")
def state(session: CurrentSession) -> State:
    """The corpora of the store, and in which state each is."""
    return read_state(session)
