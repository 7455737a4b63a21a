"""OMERO.web in a headless browser, as a curator uses it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.omero_client import Account
from tests.importing import import_file
from tests.servers import Omero, Server
from tests.web import WebUser

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
