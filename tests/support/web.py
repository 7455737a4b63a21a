"""OMERO.web as a user meets it: by plain HTTP, and in a browser.

Fixtures (tests/conftest.py): `web` is the address of OMERO.web beside the module's `server`; `browser_page` is a page
of a headless browser, 1280 x 860 (skipped with the reason where there is no browser). A whole test:

    def test_it(web: str, browser_page: Page, curator: Account, tmp_path: Path) -> None:
        user = WebUser(browser_page, web)
        user.log_in(curator)
        user.open("Project name", "Dataset name")         # unfolds the tree and selects the last one
        form = user.script("roz", "Import OME Zarr")      # the script menu; returns the form's window, a Page
        form.fill("input[name=URI]", "/data/x.zarr")
        form.screenshot(path=tmp_path / "form.png")
        row = user.run(form)                               # presses Run and waits in Activities
        assert "Imported" in row.inner_text()
        user.screenshot(tmp_path / "result.png")
        assert user.errors == []                           # of JavaScript, and answers of 400 or more

`browser_page` is Playwright's: whatever is missing here, see `page.locator(...)`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from demo.omero_client import Account

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

WAIT_MS = 30_000
TREE_MS = 20_000


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

    def post_json(self, path: str, value: Any) -> Any:
        """The JSON that POST of JSON gives."""
        headers = {"Referer": self.url, "X-CSRFToken": self._http.cookies["csrftoken"]}
        answer = self._http.post(self.url + path, json=value, headers=headers, timeout=60)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[-1500:]}"
        return answer.json()


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
        """Unfold containers in the tree, each below the one before, and select the last: the panels follow."""
        tree = self.page.locator("#dataTree")
        for number, name in enumerate(names):
            wanted = re.compile(rf"^\s*{re.escape(name)}\s*\d*\s*$")  # a count of children may follow
            anchor = tree.locator(".jstree-anchor", has_text=wanted).first
            try:
                anchor.wait_for(timeout=TREE_MS)
            except Exception as error:  # Playwright's TimeoutError, which is not imported where it is not installed
                raise AssertionError(f"no {name!r} in the tree: {tree.inner_text().split(chr(10))}") from error
            node = anchor.locator("xpath=..")
            if number == len(names) - 1:
                anchor.click()
            elif "jstree-closed" in (node.get_attribute("class") or ""):
                node.locator("> .jstree-ocl").click()
            tree = node
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is being loaded: no request of the page's, no picture."""
        for _ in range(2):  # what came may ask for more
            self.page.wait_for_timeout(300)
            self.page.wait_for_function(
                "() => window.jQuery && jQuery.active === 0 && [...document.images].every(one => one.complete)"
            )

    def script(self, *menu: str) -> Page:
        """Open a script's form from the script menu: folders, then its name as the menu shows it (without "...").

        OMERO.web leaves out the top folder where there is only one; so does this.
        """
        self.page.click("#scriptButton")
        self.page.wait_for_selector("#scriptList li")
        for folder in menu[:-1]:
            if self._menu_item(folder).count():
                self._menu_item(folder).click()
        with self.page.expect_popup() as opened:
            self._menu_item(menu[-1]).click()
        form = opened.value
        form.set_default_timeout(WAIT_MS)
        form.wait_for_selector("#submit")
        return form

    def _menu_item(self, name: str) -> Locator:
        return self.page.locator("#scriptList a:visible", has_text=re.compile(rf"^{re.escape(name)}(\.\.\.)?$")).first

    def run(self, form: Page, seconds: float = 120) -> Locator:
        """Press Run Script in a form and wait for the end: the newest row of Activities, whose text says what came.

        Its links: `row.locator("a")`, such as "View Image", "Download", "Error".
        """
        before = self.page.locator("#jobsTable tr.script").count()
        form.click("#submit")
        self.page.wait_for_function(
            "n => document.querySelectorAll('#jobsTable tr.script').length > n", arg=before, timeout=WAIT_MS
        )
        row = self.page.locator("#jobsTable tr.script:not(.in_progress)").first
        self.page.wait_for_function(
            "() => !document.querySelector('#jobsTable tr.script').classList.contains('in_progress')",
            timeout=seconds * 1000,
        )
        return row

    def panel(self, name: str) -> Locator:
        """Choose a panel on the right (General, Acquisition, Preview); its content."""
        tab = self.page.locator("#annotation_tabs > ul a", has_text=name)
        tab.click()
        self.settle()
        return self.page.locator(tab.get_attribute("href") or "")

    def refresh(self) -> None:
        """Load the page anew: what is in the tree and in Activities comes from the server again."""
        self.page.reload()
        self.page.wait_for_selector("#dataTree .jstree-anchor")

    def screenshot(self, path: Path) -> None:
        """A picture of the window, once nothing is being loaded."""
        self.settle()
        self.page.screenshot(path=path)
