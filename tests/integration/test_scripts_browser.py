"""The scripts of omero-roz in OMERO.web, in a headless browser, as a curator who opens no terminal uses them.

With PICTURES=docs/images the test takes the pictures of the README anew.
"""

# ruff: noqa: F811  (fixtures are imported by their names)

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import omero.clients
import pytest
from omero.gateway import BlitzGateway

from demo.omero_client import Account, import_file, shown
from tests.integration.test_scripts import allowed, client, counted, lab, policy, scripts, server  # noqa: F401
from tests.support.servers import Omero
from tests.support.web import WebUser

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go."""
    return Path(os.environ.get("PICTURES") or tmp_path)


@pytest.fixture
def user(web: str, browser_page: Page, curator: Account, scripts: dict[str, int], allowed: None) -> WebUser:
    """The curator, not logged in yet."""
    return WebUser(browser_page, web)


def made(omero_cli: Omero, name: str) -> int:
    """A dataset of the curator's."""
    return int(omero_cli("obj", "new", "Dataset", f"name={name}").out.strip().partition(":")[2])



def test_import_from_the_menu_and_open_the_image(
    user: WebUser, curator: Account, client: omero.clients.BaseClient, omero_cli: Omero, pictures: Path
) -> None:
    dataset = made(omero_cli, "Plankton 2026")
    user.log_in(curator)
    user.open("Plankton 2026")
    form = user.script("roz", "Import OME Zarr")
    assert form.input_value("select[name=Data_Type]") == "Dataset"
    assert form.input_value("input[name=IDs]") == str(dataset)
    form.fill("input[name=Zarrs]", "lab:x.zarr")
    form.screenshot(path=pictures / "scripts-form.png")
    row = user.run(form)
    assert "4 images imported as Fileset:" in row.inner_text()
    images = [image.getId() for image in BlitzGateway(client_obj=client).getObject("Dataset", dataset).listChildren()]
    assert len(images) == 4
    assert f"image-{min(images)}" in (row.locator("a[href*='show=image']").first.get_attribute("href") or "")
    user.page.goto(f"{user.url}webclient/?show=image-{min(images)}")
    user.page.wait_for_selector(f"#image_icon-{min(images)}, #general_tab")
    user.page.click("#launch_activities")
    user.screenshot(pictures / "scripts-result.png")
    assert user.errors == []
    assert "Zelle" in user.page.locator("#dataTree").inner_text()
    viewer = user.page.request.get(f"{user.url}webgateway/render_image/{min(images)}/0/0/")
    assert (viewer.status, viewer.headers["content-type"]) == (200, "image/jpeg")


def test_replace_as_a_dry_run_and_for_real(
    user: WebUser, curator: Account, client: omero.clients.BaseClient, omero_cli: Omero, acquisition: Path
) -> None:
    dataset = made(omero_cli, "To be replaced")
    fileset, images = import_file(client, acquisition / "acquisition.ome.tif")
    for image in images:
        omero_cli("obj", "new", "DatasetImageLink", f"parent=Dataset:{dataset}", f"child=Image:{image}")
    before, planes = counted(client), shown(client, images)
    user.log_in(curator)
    user.open("To be replaced")
    form = user.script("roz", "Replace Filesets")
    assert form.is_checked("input[name=Dry_Run]")
    assert form.input_value("input[name=IDs]") == str(dataset)
    form.fill("input[name=Zarr]", "lab:x.zarr")
    row = user.run(form)
    assert "dry run, nothing was changed: 1 planned" in row.inner_text()
    assert counted(client) == before
    form = user.script("roz", "Replace Filesets")
    form.fill("input[name=Zarr]", "lab:x.zarr")
    form.uncheck("input[name=Dry_Run]")
    row = user.run(form)
    assert f"Fileset:{fileset} is now Fileset:" in row.inner_text()
    assert row.locator("a[href*='annotation']").count() or row.locator("a", has_text="Download").count()
    assert counted(client)["Fileset"] == before["Fileset"] + 1
    assert shown(client, images) == planes
    assert user.errors == []


def test_a_refused_store_shows_its_reason(
    user: WebUser, curator: Account, client: omero.clients.BaseClient, omero_cli: Omero, acquisition: Path
) -> None:
    made(omero_cli, "Refused")
    before = counted(client)["Image"]
    user.log_in(curator)
    user.open("Refused")
    form = user.script("roz", "Import OME Zarr")
    form.fill("input[name=Zarrs]", f"{acquisition}/v2.zarr")
    row = user.run(form)
    assert "it may not be read on this server" in row.inner_text()
    assert counted(client)["Image"] == before
