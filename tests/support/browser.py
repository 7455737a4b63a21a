"""A page as a browser shows it: Debian's chromium, headless."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

_WRAPPER = """<!DOCTYPE html><meta charset="utf-8">
<iframe width="{width}" height="800" srcdoc="{page}"></iframe><script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement
  page.querySelectorAll("details").forEach(one => one.open = true)
  const seen = {{ text: page.body.innerText, width: root.scrollWidth, window: root.clientWidth,
    links: [...page.querySelectorAll("[src], link")].length }}
  document.body.innerHTML = "<pre id=seen></pre>"
  document.getElementById("seen").textContent = JSON.stringify(seen)
}}
</script>"""


OPTIONS = ("--no-sandbox", "--disable-gpu")


def program() -> str:
    """The browser's command; skips the test where there is none."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a browser: apt-get install chromium")
    return browser


@contextmanager
def browsing(width: int = 1280, height: int = 860) -> Iterator[Page]:
    """A page that Playwright drives, in a browser of its own; its user has nothing from before."""
    browser = program()
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=list(OPTIONS))
        try:
            yield started.new_page(viewport={"width": width, "height": height})
        finally:
            started.close()


def shown(page: str, folder: Path, width: int) -> dict:
    """What a browser makes of a page in a window of so many pixels: text, its own width, what it loads."""
    browser = program()
    wrapper = folder / "wrapper.html"
    wrapper.write_text(_WRAPPER.format(width=width, page=html.escape(page)), "utf-8")
    command = [browser, "--headless", *OPTIONS, f"--user-data-dir={folder}/profile"]
    done = subprocess.run(
        [*command, "--virtual-time-budget=5000", "--dump-dom", wrapper.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-500:]
    return json.loads(html.unescape(found[1]))
