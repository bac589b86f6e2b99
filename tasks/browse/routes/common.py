"""What the routes share: the session of a request, and the name of a corpus in an address."""

from typing import Annotated

from fastapi import Depends, Path, Request

from tasks.browse.session import Session


def get_session(request: Request) -> Session:
    """The running page's session."""
    session: Session = request.app.state.session
    return session


CurrentSession = Annotated[Session, Depends(get_session)]
Corpus = Annotated[str, Path(description="Name of a corpus.")]
