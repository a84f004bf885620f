"""The server of the explorer: a page and its questions, on this machine alone.

Starlette is small and well kept, runs on uvicorn without anything else, and its TrustedHostMiddleware refuses requests
under another host's name, by which a page elsewhere could reach a server on this machine. Questions carry a token that
only the address of the page tells.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from genolift.pipeline.exploring.explorer import Asked, Explorer
from genolift.plot.web.inlined import json_text, module, template
from genolift.support.errors import GenoliftError, InputError

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route
except ImportError:
    raise InputError("the explorer needs Starlette and uvicorn: pip install 'genolift[explore]'") from None

HOST = "127.0.0.1"
_HEADER = "x-genolift-token"
_TABS = 200
_LARGEST = 4_000_000  # bytes of a question
_OFFERED = 60  # motifs


class Turns:
    """Questions take turns, because the model computes one thing at a time; of a tab only the latest counts."""

    def __init__(self) -> None:
        self._latest: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._turn = asyncio.Lock()

    async def take(self, tab: str, kind: str, number: int, work: Callable[[], Any]) -> Any:
        """Return what ``work`` returns, computed in another thread; ``None`` if a later question made it stale."""
        key = (tab, kind)
        self._latest[key] = max(number, self._latest.get(key, number))
        self._latest.move_to_end(key)
        while len(self._latest) > _TABS:
            self._latest.popitem(last=False)
        async with self._turn:
            if self._latest.get(key, number) != number:
                return None
            return await run_in_threadpool(work)


def application(explorer: Explorer, token: str, motifs: dict[str, str] | None = None) -> Starlette:
    """Return the application.

    Parameters
    ----------
    explorer
        What answers.
    token
        What every question has to carry.
    motifs
        Words that can be dragged into a sequence, by their names.
    """
    turns, known = Turns(), motifs or {}
    offered = dict(list(known.items())[:_OFFERED])

    def is_token(given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(), token.encode())

    async def page(request: Request) -> Response:
        if not is_token(request.query_params.get("token")):
            return PlainTextResponse("This page needs its whole address, as `genolift explore` shows it.", 403)
        text, policy = _page({**explorer.about(), "motifs": offered, "moreMotifs": len(known) - len(offered)})
        return HTMLResponse(text, headers={"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer",
                                           "Cache-Control": "no-store"})  # fmt: skip

    def question(kind: str, answer: Callable[[dict[str, Any]], Any]) -> Route:
        async def handle(request: Request) -> Response:
            # A header of our own, because a form of another page could ask with an address alone.
            if not is_token(request.headers.get(_HEADER)):
                return JSONResponse({"problem": "the page is not of this server; open the address again"}, 403)
            try:
                body = await request.body()
                if len(body) > _LARGEST:
                    raise InputError("the question is too large")
                told = json.loads(body)
                if not isinstance(told, dict) or not isinstance(told.get("number"), int):
                    raise InputError("a question is an object with a whole 'number'")
                found = await turns.take(str(told.get("tab", "")), kind, told["number"], lambda: answer(told))
            except (json.JSONDecodeError, UnicodeDecodeError):
                return JSONResponse({"problem": "a question is JSON"}, 400)
            except GenoliftError as problem:
                return JSONResponse({"problem": str(problem)})  # The server is well; the sequence is not.
            if found is None:
                return JSONResponse({"stale": True})
            if isinstance(found, bytes):
                return Response(found, media_type="application/zip")
            return JSONResponse(found)

        return Route(f"/api/{kind}", handle, methods=["POST"])

    routes = [
        Route("/", page),
        question("explain", lambda told: explorer.explain(Asked.read(told))),
        question("effects", lambda told: explorer.effects(Asked.read(told))),
        question("store", lambda told: explorer.store(Asked.read(told))),
        question("sequence", lambda told: {"sequence": explorer.sequence(_whole(told, "row"))}),
        question(
            "shuffle",
            lambda told: {
                "sequence": explorer.shuffled(
                    Asked.read(told).sequence, _whole(told, "start"), _whole(told, "end"), _whole(told, "seed")
                )
            },
        ),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])])


def serve(explorer: Explorer, port: int, tell: Callable[[str], None], motifs: dict[str, str] | None = None) -> None:
    """Serve until the process is interrupted.

    Parameters
    ----------
    explorer
        What answers.
    port
        The port; 0 takes a free one.
    tell
        Called with the address of the page once it can be opened.
    motifs
        Words that can be dragged into a sequence, by their names.
    """
    token = secrets.token_urlsafe(24)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((HOST, port))
        except OSError as problem:
            raise InputError(
                f"port {port} cannot be used ({problem.strerror}); give another, or 0 for a free one"
            ) from None
        server = uvicorn.Server(uvicorn.Config(application(explorer, token, motifs), log_level="warning"))
        bound.listen()  # A browser that is told the address may ask before the server is there.
        tell(f"http://{HOST}:{bound.getsockname()[1]}/?token={token}")
        server.run(sockets=[bound])


def _whole(told: dict[str, Any], name: str) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{name!r} is a whole number")
    return value


def _page(about: dict[str, Any]) -> tuple[str, str]:
    """Return the page, and what it may do."""
    code, allowed = module("logo", "explore")
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return template("explore.html.j2").render(about=json_text(about), model=about["model"], script=code), policy
