"""OMERO.web as a user meets it: by plain HTTP, and in a browser.

Fixtures (tests/conftest.py): `web` is the address of OMERO.web beside the module's `server`; `browser_page` is a page of
a headless browser, 1280 x 860 (skipped with the reason where there is no browser). A whole test:

    def test_it(web: str, browser_page: Page, curator: Account, tmp_path: Path) -> None:
        user = WebUser(browser_page, web)
        user.log_in(curator)
        user.open("Project name", "Dataset name")         # unfolds the tree and selects the last one
        user.script("roz", "Import OME-Zarr")             # the script menu; returns the form's window, a Page
        user.screenshot(tmp_path / "form.png")
        text = user.run(form)                              # presses Run, waits in Activities, returns what it says

`browser_page` is Playwright's: whatever is missing here, see `page.locator(...)`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from demo.omero_client import Account

if TYPE_CHECKING:
    from playwright.sync_api import Page

WAIT_MS = 60_000


class WebClient:
    """Logged in by plain HTTP; paths are those of OMERO.web, such as "webclient/api/datasets/?id=1"."""

    def __init__(self, url: str, account: Account) -> None:
        self.url = url
        self._http = requests.Session()
        self._http.trust_env = False
        self.get("webclient/login/")
        done = self.post("webclient/login/", username=account.name, password=account.password, server="1")
        assert done.url.rstrip("/").endswith("/webclient"), f"not logged in: {done.url}"

    def get(self, path: str, status: int = 200) -> requests.Response:
        """The answer to GET, whose status must be this one."""
        answer = self._http.get(self.url + path, timeout=60)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[-1500:]}"
        return answer

    def json(self, path: str) -> Any:
        """The JSON that GET gives."""
        return self.get(path).json()

    def post(self, path: str, **form: Any) -> requests.Response:
        """The answer to POST of a form."""
        form["csrfmiddlewaretoken"] = self._http.cookies["csrftoken"]
        answer = self._http.post(self.url + path, form, headers={"Referer": self.url}, timeout=60)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[-1500:]}"
        return answer


class WebUser:
    """Somebody at the browser, who goes by what is written on the page; each step waits until the page has followed."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.errors: list[str] = []  # of JavaScript, and answers of the server that are one
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("response", lambda r: self.errors.append(f"{r.status} {r.url}") if r.status >= 400 else None)

    def log_in(self, account: Account) -> None:
        """Fill in the form and wait for the tree of the user's data."""
        self.page.goto(f"{self.url}webclient/login/")
        self.page.fill("#id_username", account.name)
        self.page.fill("#id_password", account.password)
        self.page.click("input[type=submit]")
        self.page.wait_for_selector("#dataTree .jstree-anchor")

    def open(self, *names: str) -> None:
        """Unfold containers in the tree, each below the one before, and select the last.

        For a plate, a dataset or an image the panel on the right follows.
        """
        self.page.wait_for_selector("#dataTree .jstree-anchor")
        for name in names[:-1]:
            node = self.node(name)
            if "jstree-closed" in (node.get_attribute("class") or ""):
                node.locator("> .jstree-ocl").click()
                node.locator("> ul > li").first.wait_for()
        self.node(names[-1]).locator("> .jstree-anchor").click()
        self.page.wait_for_load_state("networkidle")

    def node(self, name: str) -> Any:
        """The last node of the tree with this name (a count of children behind it is no part of it)."""
        text = re.compile(rf"^\s*{re.escape(name)}\s*\d*\s*$")
        anchor = self.page.locator("#dataTree li > .jstree-anchor", has_text=text)
        return self.page.locator("#dataTree li", has=self.page.locator(":scope > .jstree-anchor", has_text=text)).last \
            if anchor.count() else anchor.locator("..")

    def refresh(self) -> None:
        """Load the page anew: what is in the tree and in Activities comes from the server again."""
        self.page.reload()
        self.page.wait_for_selector("#dataTree .jstree-anchor")

    def screenshot(self, path: Path) -> None:
        """A picture of the window, once nothing is being loaded."""
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=path)
