"""OMERO.web in a headless browser, as a curator uses it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.omero_client import Account
from demo.plate import write_plate_layout
from tests.support.importing import import_file
from tests.support.servers import Omero, Server
from tests.support.web import WebUser

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = '''"""Says what it is given."""
import omero.scripts as scripts
from omero.gateway import BlitzGateway
from omero.rtypes import rlong, robject, rstring

client = scripts.client(
    "Greet_Images.py",
    "Greets images.",
    scripts.String("Data_Type", optional=False, grouping="1", values=[rstring("Image")], default="Image"),
    scripts.List("IDs", optional=False, grouping="2").ofType(rlong(0)),
    scripts.String("Greeting", grouping="3", default="Hello", description="What is said first"),
    version="1.2", authors=["Somebody"], contact="somebody@example.org",
)
try:
    values = client.getInputs(unwrap=True)
    conn = BlitzGateway(client_obj=client)
    image = next(conn.getObjects("Image", values["IDs"]))
    print("said to", image.getName())
    client.setOutput("Message", rstring(f"{values['Greeting']}, {image.getName()}!"))
    client.setOutput("Image", robject(image._obj))
finally:
    client.closeSession()
'''


@pytest.fixture(scope="module")
def images(server: Server, curator: Account, acquisition: Path) -> list[int]:
    """Images of the curator's in a dataset in a project."""
    with server.client(curator.name, curator.password) as client:
        response = import_file(client, acquisition / "acquisition.ome.tif", "x/acquisition.ome.tif")
        ids = [pixels.image.id.val for pixels in response.pixels]
    return ids


def test_log_in_browse_and_run_a_script(
    web: str, server: Server, browser_page: Page, curator: Account, omero_cli: Omero, images: list[int], tmp_path: Path
) -> None:
    project, dataset = (
        omero_cli("obj", "new", kind, f"name={kind} of tests").out.strip() for kind in ("Project", "Dataset")
    )
    omero_cli("obj", "new", "ProjectDatasetLink", f"parent={project}", f"child={dataset}")
    for image in images:
        omero_cli("obj", "new", "DatasetImageLink", f"parent={dataset}", f"child=Image:{image}")
    with server.client() as root:
        root.sf.getScriptService().uploadOfficialScript("/tests/Greet_Images.py", SCRIPT)
    user = WebUser(browser_page, web)
    user.log_in(curator)
    user.open("Project of tests", "Dataset of tests", "acquisition.ome.tif [overview]")
    user.screenshot(tmp_path / "image.png")
    form = user.script("tests", "Greet Images")
    assert form.input_value("select[name=Data_Type]") == "Image"
    form.screenshot(path=tmp_path / "form.png")
    row = user.run(form)
    assert "Hello, acquisition.ome.tif [overview]!" in row.inner_text()
    user.screenshot(tmp_path / "result.png")
    assert user.errors == []


def test_a_plate_its_wells_and_the_viewer(
    web: str, browser_page: Page, omero_cli: Omero, curator: Account, tmp_path: Path
) -> None:
    write_plate_layout(tmp_path / "plate.zarr")
    screen = omero_cli("obj", "new", "Screen", "name=Screen of tests").out.strip()
    done = omero_cli("roz", "import", str(tmp_path / "plate.zarr"), "--target", screen)
    assert done.code == 0, done.err
    user, page = WebUser(browser_page, web), browser_page
    user.log_in(curator)
    user.open("Screen of tests", "synthetic plate")
    page.wait_for_function("() => document.querySelectorAll('#spw .well img').length === 5")
    user.settle()
    page.locator("#spw .well img").first.click()
    user.settle()
    assert "A1" in user.panel("General").inner_text()
    page.locator("#wellImages li").nth(1).click()
    user.settle()
    assert "GFP" in user.panel("Preview").inner_text()
    assert "A1 field 1" in user.panel("General").inner_text()
    with page.expect_popup() as opened:
        page.locator("#general_tab button", has_text="Full viewer").or_(
            page.locator("#general_tab a", has_text="Full viewer")
        ).first.click()
    viewer = opened.value
    viewer.wait_for_function("() => [...document.images].some(one => one.src.includes('render_image') && one.complete)")
    assert "GFP" in viewer.inner_text("body")
    assert user.errors == []
