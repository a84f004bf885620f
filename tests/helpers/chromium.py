"""A real Chromium for the tests of pages, which say nothing on its console and ask for nothing from a network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(_CHROMIUM is None, reason="needs Chromium (apt-get install chromium)")


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra [browser]")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, address: Any, width: int = 1200, offline: bool = True) -> Iterator[Any]:
    """Open a page by the path of its file or its address, and see at the end that its console stayed silent.

    Parameters
    ----------
    browser
        The browser.
    address
        The path of a file, or the address of a server.
    width
        The width of the window in pixels.
    offline
        Whether there is no network.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=offline, accept_downloads=True)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda problem: said.append(str(problem)))
    page.goto(str(address) if "://" in str(address) else f"file://{address}")
    yield page
    assert said == []
    context.close()
