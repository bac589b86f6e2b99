"""Bounds what a request may send: a body is held in memory, or in this user's temporary folder."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_UPLOAD = 256 << 20  # a picture or a video to search with
MAX_JSON = 4 << 20  # 5,000 ids of several hundred characters


class BodyLimit:
    """Middleware that answers 413 to a body that is too large, stated or not."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit = MAX_UPLOAD if scope["path"].endswith("/upload") else MAX_JSON
        stated, received = Headers(scope=scope).get("content-length", "0"), 0
        detail = f"what was sent is larger than {limit >> 20} MB"
        if not stated.isdecimal() or int(stated) > limit:
            answer = JSONResponse({"detail": detail, "reason": "user"}, 413)
            return await answer(scope, receive, send)

        async def receive_some() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:  # sent in chunks, of which the sum was not stated
                raise HTTPException(413, detail)
            return message

        await self.app(scope, receive_some, send)
