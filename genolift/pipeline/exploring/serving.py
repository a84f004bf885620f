"""The server of the explorer: a page and its questions, on this machine alone.

Starlette is small and well kept, runs on uvicorn without anything else, and its TrustedHostMiddleware refuses requests
under another host's name, by which a page elsewhere could reach a server on this machine. Questions carry a token that
only the address of the page tells.
"""

from __future__ import annotations

import json
import logging
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

from genolift.pipeline.exploring.choices import Choices
from genolift.pipeline.exploring.explorer import Asked, Explorer
from genolift.pipeline.exploring.turns import Stopped, Turns
from genolift.pipeline.exploring.wording import for_page
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
_LARGEST = 4_000_000  # bytes of a question
_OFFERED = 60  # motifs that a page lists at once
_CALLED = {"start": "the base to shuffle from", "end": "the base to shuffle to"}  # as a page calls its fields
_PATIENCE = 1  # second, for a computation and for connections when the server is stopped


class End(NamedTuple):
    """How the server ended.

    Attributes
    ----------
    signal : int
        The signal that stopped it.
    computing : bool
        Whether the model still computes. Such a process must not be wound up as usual, because TensorFlow's threads
        would run on in an interpreter that is taken apart.
    """

    signal: int
    computing: bool


def application(
    explorer: Explorer, token: str, motifs: dict[str, str] | None = None, turns: Turns | None = None
) -> Starlette:
    """Return the application.

    Parameters
    ----------
    explorer
        What answers.
    token
        What every question has to carry.
    motifs
        Words that can be dragged into a sequence, by their names.
    turns
        What questions wait for, if somebody else is to stop them.
    """
    turns, known = turns or Turns(), motifs or {}
    offered = Choices(list(known), _OFFERED)

    def motifs_found(text: str = "") -> dict[str, Any]:
        found = offered.find(text)
        names = [offered.names[number] for number in found.numbers]
        return {"listed": [[name, known[name]] for name in names], "count": found.total}

    def is_token(given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(), token.encode())

    async def page(request: Request) -> Response:
        if not is_token(request.query_params.get("token")):
            return PlainTextResponse("This page needs its whole address, as `genolift explore` shows it.", 403)
        text, policy = _page({**explorer.about(), "motifs": motifs_found()})
        return HTMLResponse(text, headers={"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer",
                                           "Cache-Control": "no-store"})  # fmt: skip

    def question(
        kind: str, answer: Callable[[dict[str, Any]], Any], computes: bool = True, outdates: Sequence[str] = ()
    ) -> Route:
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
                if computes:
                    found = await turns.take(
                        str(told.get("tab", "")), kind, told["number"], lambda: answer(told), outdates
                    )
                else:  # It need not wait while the model computes.
                    found = await run_in_threadpool(answer, told)
            except (json.JSONDecodeError, UnicodeDecodeError):
                return JSONResponse({"problem": "a question is JSON"}, 400)
            except Stopped:
                words = "genolift explore was stopped; start it again, and open the address that it prints"
                return JSONResponse({"problem": words}, 503)
            except GenoliftError as problem:
                return JSONResponse({"problem": for_page(problem)})  # The server is well; the sequence is not.
            if found is None:
                return JSONResponse({"stale": True})
            if isinstance(found, bytes):
                return Response(found, media_type="application/zip")
            return JSONResponse(found)

        return Route(f"/api/{kind}", handle, methods=["POST"])

    routes = [
        Route("/", page),
        # The logo of a new state does not wait for what was asked about an old one.
        question("explain", lambda told: explorer.explain(Asked.read(told)), outdates=("effects", "refusals")),
        question("effects", lambda told: explorer.effects(Asked.read(told))),
        question("refusals", lambda told: {"refused": explorer.refusals(Asked.read(told))}),
        question("store", lambda told: explorer.store(Asked.read(told))),
        question("find-sequences", lambda told: explorer.found(_text(told, "text")), computes=False),
        question("find-motifs", lambda told: motifs_found(_text(told, "text")), computes=False),
        question("sequence", lambda told: {"sequence": explorer.sequence(_whole(told, "row"))}, computes=False),
        question(
            "shuffle",
            lambda told: {
                "sequence": explorer.shuffled(
                    Asked.read(told).sequence, _whole(told, "start"), _whole(told, "end"), _whole(told, "seed")
                )
            },
            computes=False,
        ),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])])


class _Server(uvicorn.Server):
    """A server that the first signal ends, whatever is being computed."""

    def __init__(self, config: uvicorn.Config, turns: Turns):
        super().__init__(config)
        self.ended_by = signal.SIGINT
        self._turns = turns

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end. uvicorn would raise the signal once more at the end, which is told by :class:`End` here."""
        self.ended_by, self.should_exit = signal.Signals(sig), True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer whoever waits, and close the connections."""
        self._turns.stop()
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # That connections are cut is meant.
        await super().shutdown(sockets)


@contextmanager
def bound_to(port: int) -> Iterator[socket.socket]:
    """Hold a port of this machine; 0 takes a free one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((HOST, port))
        except OSError as problem:
            raise InputError(
                f"port {port} cannot be used ({problem.strerror}); give another, or 0 for a free one"
            ) from None
        yield bound


def serve(
    explorer: Explorer, bound: socket.socket, tell: Callable[[str], None], motifs: dict[str, str] | None = None
) -> End:
    """Serve until the process is told to end by Ctrl-C or SIGTERM, and return how it ended.

    Parameters
    ----------
    explorer
        What answers.
    bound
        The socket, from :func:`bound_to`.
    tell
        Called with the address of the page once it can be opened.
    motifs
        Words that can be dragged into a sequence, by their names.
    """
    token = secrets.token_urlsafe(24)
    turns = Turns()
    server = _Server(
        uvicorn.Config(
            application(explorer, token, motifs, turns),
            log_level="warning",
            timeout_graceful_shutdown=_PATIENCE,
        ),
        turns,
    )
    bound.listen()  # A browser that is told the address may ask before the server is there.
    tell(f"http://{HOST}:{bound.getsockname()[1]}/?token={token}")
    server.run(sockets=[bound])
    return End(server.ended_by, not turns.ends_within(_PATIENCE))


def _whole(told: dict[str, Any], name: str) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{_CALLED.get(name, repr(name))} is a whole number")
    return value


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name!r} is a text")
    return value


def _page(about: dict[str, Any]) -> tuple[str, str]:
    """Return the page, and what it may do."""
    code, allowed = module("logo", "explore")
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return template("explore.html.j2").render(about=json_text(about), model=about["model"], script=code), policy
