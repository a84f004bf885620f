"""What a page holds besides markup: scripts that its policy names by their digest, and data as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import jinja2
from markupsafe import Markup

from genolift.plot.web import script


def template(name: str) -> jinja2.Template:
    """Return a template of this room, which takes no text for markup."""
    loader = jinja2.PackageLoader("genolift.plot.web", ".")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(name)


def module(*names: str) -> tuple[Markup, str]:
    """Return scripts as one module, and the source that a content security policy allows for it."""
    return inlined("\n".join(script(name) for name in names))


def inlined(code: str) -> tuple[Markup, str]:
    """Return the text of a script as it may stand in a page, and the source that a policy allows for it."""
    if "</script" in code.lower() or "<!--" in code:
        raise ValueError("a script may not hold the end of a script")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return Markup(code), f"'sha256-{digest}'"


def json_text(content: Any) -> Markup:
    """Return content as JSON that ends no script element."""
    return Markup(json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))
