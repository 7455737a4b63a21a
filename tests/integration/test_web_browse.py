"""OMERO.web's own requests, one by one: the tree, plates, panels, pictures, annotations, scripts, deleting."""

import base64
import html
import io
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from PIL import Image

from demo.omero_client import Account, command_line
from demo.plate import write_plate_layout
from tests.support.servers import Server
from tests.support.web import WebClient

SCRIPT = '''"""Writes a report."""
import omero.scripts as scripts
from omero.gateway import BlitzGateway
from omero.rtypes import robject, rstring, unwrap

client = scripts.client(
    "Report.py", "Writes a report.",
    scripts.Int("Count", default=3, min=1, max=9, grouping="1", description="How many lines"),
    scripts.Bool("Fail", default=False, grouping="2"),
    scripts.List("IDs", grouping="3").ofType(scripts.rlong(0)),
    version="0.1", namespaces=["roz"],
)
try:
    values = client.getInputs(unwrap=True)
    if values.get("Fail"):
        raise ValueError("asked to fail")
    conn = BlitzGateway(client_obj=client)
    with open("report.txt", "w") as report:
        report.write("line\\n" * values["Count"])
    annotation = conn.createFileAnnfromLocalFile("report.txt", mimetype="text/plain", ns="tests.report")
    conn.getObject("Image", values["IDs"][0]).linkAnnotation(annotation)
    client.setOutput("Message", rstring("Wrote %d lines" % values["Count"]))
    client.setOutput("File_Annotation", robject(annotation._obj))
finally:
    client.closeSession()
'''


@dataclass(frozen=True)
class Browsed:
    """Somebody logged in, and what he has in OMERO: ids, images by name."""

    client: WebClient
    project: int
    dataset: int
    screen: int
    plate: int
    images: dict[str, int]


@pytest.fixture(scope="module")
def browsed(
    web: str, server: Server, curator: Account, acquisition: Path, tmp_path_factory: pytest.TempPathFactory
) -> Browsed:
    """The acquisition's Zarr in a dataset in a project, and a plate on a screen."""
    plate = tmp_path_factory.mktemp("plate") / "plate.zarr"
    write_plate_layout(plate)
    with server.client(curator.name, curator.password) as client:
        made = {kind: _new(client, kind) for kind in ("Project", "Dataset", "Screen")}
        link = omero_link(made["Project"], made["Dataset"])
        client.sf.getUpdateService().saveObject(link)
        for path, target in ((acquisition / "v2.zarr", "Dataset"), (plate, "Screen")):
            cli = command_line(client)
            cli.set_event_context(client.sf.getAdminService().getEventContext())
            cli.invoke(["roz", "import", str(path), "--again", "--target", f"{target}:{made[target]}"], strict=True)
    user = WebClient(web, curator)
    listed = user.json(f"webclient/api/images/?id={made['Dataset']}&page=0")["images"]
    [found] = user.json(f"webclient/api/plates/?id={made['Screen']}")["plates"]
    images = {one["name"]: one["id"] for one in listed}
    return Browsed(user, made["Project"], made["Dataset"], made["Screen"], found["id"], images)


def _new(client: Any, kind: str) -> int:
    import omero.model

    obj = getattr(omero.model, f"{kind}I")()
    obj.name = omero.rtypes.rstring(f"{kind} of tests")
    return client.sf.getUpdateService().saveAndReturnObject(obj).id.val


def omero_link(project: int, dataset: int) -> Any:
    from omero.model import DatasetI, ProjectDatasetLinkI, ProjectI

    link = ProjectDatasetLinkI()
    link.parent, link.child = ProjectI(project, False), DatasetI(dataset, False)
    return link


@pytest.fixture(scope="module")
def planes(acquisition: Path) -> np.ndarray:
    """The planes of the first image, (t, c, z, y, x)."""
    return np.asarray(zarr.open_group(acquisition / "v2.zarr" / "0", mode="r")["0"])


@pytest.fixture
def cells(browsed: Browsed) -> int:
    """The image with several channels, z and t."""
    return browsed.images["Zelle α [01]"]


def picture(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as opened:
        return np.asarray(opened.convert("RGB")).astype(int)


def shade(plane: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((plane.astype(float) - low) / (high - low), 0, 1) * 255


def close(one: np.ndarray, other: np.ndarray, levels: float = 6) -> bool:
    """Whether two pictures are the same but for JPEG's loss."""
    return one.shape == other.shape and float(np.abs(one - other).mean()) < levels


def test_the_tree(browsed: Browsed) -> None:
    user = browsed.client
    containers = user.json("webclient/api/containers/?id=-1&page=0")
    assert [(p["id"], p["name"], p["childCount"]) for p in containers["projects"]] == [
        (browsed.project, "Project of tests", 1)
    ]
    assert [(s["id"], s["childCount"]) for s in containers["screens"]] == [(browsed.screen, 1)]
    assert "canDelete" in containers["projects"][0]["permsCss"]
    [dataset] = user.json(f"webclient/api/datasets/?id={browsed.project}&page=0")["datasets"]
    assert (dataset["id"], dataset["childCount"]) == (browsed.dataset, 4)
    assert set(browsed.images) == {"Zelle α [01]", "overview", "stack", "ratio GFP/Cy5"}
    path = user.json(f"webclient/api/paths_to_object/?image={browsed.images['stack']}")["paths"][0]
    assert [step["type"] for step in path] == ["experimenter", "project", "dataset", "image"]


def test_a_plate(browsed: Browsed) -> None:
    user = browsed.client
    grid = user.json(f"webgateway/plate/{browsed.plate}/0/")
    names = [[well and well["name"] for well in row[:3]] for row in grid["grid"][:2]]
    assert (grid["rowlabels"][:2], grid["collabels"][:3]) == (["A", "B"], [1, 2, 3])
    assert names == [["A1 field 0", "A2 field 0", "A3 field 0"], ["B1 field 0", None, "B3 field 0"]]
    second = user.json(f"webgateway/plate/{browsed.plate}/1/")["grid"][0][0]
    assert second["name"] == "A1 field 1"
    assert "spw" in user.get(f"webclient/load_plate/plate/{browsed.plate}/").text
    assert "synthetic plate" in user.get(f"webclient/metadata_details/plate/{browsed.plate}/").text


def test_the_panels_of_an_image(browsed: Browsed, cells: int) -> None:
    general = html.unescape(browsed.client.get(f"webclient/metadata_details/image/{cells}/").text)
    for text in ("Zelle α [01]", "128 x 96", "uint16", "DAPI", "GFP", "Cy5", "3 x 2"):
        assert text in general, text
    acquired = browsed.client.get(f"webclient/metadata_acquisition/image/{cells}/").text
    for text in ("Plan Apo 63x", "Eye 4.2", "Demo One", "358"):
        assert text in acquired, text
    assert "Cu Rator" in browsed.client.get(f"webclient/metadata_preview/image/{cells}/").text  # whose settings


def test_what_the_viewer_asks_for(browsed: Browsed, cells: int) -> None:
    data = browsed.client.json(f"webclient/imgData/{cells}/")
    assert data["size"] == {"width": 128, "height": 96, "z": 3, "t": 2, "c": 3}
    assert data["pixel_size"] == {"x": 0.103, "y": 0.103, "z": 0.3}
    assert [channel["label"] for channel in data["channels"]] == ["DAPI", "GFP", "Cy5"]
    assert [channel["color"] for channel in data["channels"]] == ["0000FF", "00FF00", "FF0000"]
    assert (data["levels"], data["resolutions"]["1"]) == (2, {"sizeX": 64, "sizeY": 48})
    assert browsed.client.get(f"webclient/img_detail/{cells}/").status_code == 200


def test_rendered_planes(browsed: Browsed, cells: int, planes: np.ndarray) -> None:
    user = browsed.client
    only = "c=1|100:2000$FF0000,-2,-3&m=c&q=1"
    red = np.zeros((96, 128, 3))
    for z, t in ((0, 0), (2, 1)):
        red[..., 0] = shade(planes[t, 0, z], 100, 2000)
        assert close(picture(user.get(f"webclient/render_image/{cells}/{z}/{t}/?{only}").content), red)
    both = red.copy()
    both[..., 1] = shade(planes[1, 1, 2], 0, 1000)
    two = "c=1|100:2000$FF0000,2|0:1000$00FF00,-3&m=c&q=1"
    assert close(picture(user.get(f"webclient/render_image/{cells}/2/1/?{two}").content), both)
    grey = np.repeat(shade(planes[1, 0, 2], 100, 2000)[..., None], 3, -1)
    asked = only.replace("m=c", "m=g")
    assert close(picture(user.get(f"webclient/render_image/{cells}/2/1/?{asked}").content), grey)
    red[..., 0] = shade(planes[0, 0].max(axis=0), 100, 2000)
    assert close(picture(user.get(f"webclient/render_image/{cells}/0/0/?{only}&p=intmax|0:2").content), red)
    reversed_ = only + "&maps=" + json.dumps([{"inverted": {"enabled": True}}, {}, {}])
    red[..., 0] = 255 - shade(planes[0, 0, 0], 100, 2000)
    assert close(picture(user.get(f"webclient/render_image/{cells}/0/0/?{reversed_}").content), red)


def test_regions_tiles_and_birds_eye(browsed: Browsed, cells: int, planes: np.ndarray) -> None:
    user, only = browsed.client, "c=1|100:2000$FF0000,-2,-3&m=c&q=1"
    red = np.zeros((96, 128, 3))
    red[..., 0] = shade(planes[0, 0, 1], 100, 2000)
    region = user.get(f"webclient/render_image_region/{cells}/1/0/?{only}&region=10,20,30,40").content
    assert close(picture(region), red[20:60, 10:40])
    tile = user.get(f"webclient/render_image_region/{cells}/1/0/?{only}&tile=0,1,0,64,64").content
    assert close(picture(tile), red[0:64, 64:128])
    small = user.get(f"webclient/render_image_region/{cells}/1/0/?{only}&tile=1,0,0,64,64").content
    assert close(picture(small), red[::2, ::2], 12)
    assert max(picture(user.get(f"webclient/render_birds_eye_view/{cells}/").content).shape) == 96
    histogram = user.json(f"webgateway/histogram_json/{cells}/channel/0/?bins=16")["data"]
    assert sum(histogram) == 128 * 96


def test_thumbnails(browsed: Browsed, cells: int) -> None:
    user = browsed.client
    shown = {}
    query = "&".join(f"id={number}" for number in browsed.images.values())
    for number, url in user.json(f"webclient/get_thumbnails/?{query}").items():
        kind, _, content = url.partition(";base64,")
        assert kind == "data:image/jpeg"
        shown[int(number)] = picture(base64.b64decode(content))
    assert set(shown) == set(browsed.images.values())
    assert all(max(one.shape) == 96 and one.std() > 5 for one in shown.values())
    large = picture(user.get(f"webclient/render_thumbnail/size/128/{cells}/").content)
    assert large.shape == (96, 128, 3)
    [settings] = user.json(f"webgateway/get_image_rdefs_json/{cells}/")["rdefs"]
    by_settings = user.get(f"webclient/render_thumbnail/size/128/{cells}/?rdefId={settings['id']}").content
    assert close(picture(by_settings), large, 1)


def test_settings_are_saved_and_reset(browsed: Browsed, cells: int) -> None:
    user = browsed.client
    user.post(f"webclient/saveImgRDef/{cells}/?c=1|5:55$00FFFF,-2|3:33$00FF00,3|1:9$FF00FF&m=c&z=3&t=1")
    first, second, third = user.json(f"webclient/imgData/{cells}/")["channels"]
    assert (first["window"]["start"], first["window"]["end"], first["color"]) == (5, 55, "00FFFF")
    assert [channel["active"] for channel in (first, second, third)] == [True, False, True]
    assert user.post("webgateway/resetRDef/", toids=str(cells), to_type="image").json()
    again = user.json(f"webclient/imgData/{cells}/")["channels"]
    assert [(channel["active"], channel["color"]) for channel in again] == [
        (True, "0000FF"), (True, "00FF00"), (True, "FF0000")
    ]  # fmt: skip
    assert again[0]["window"]["end"] == again[0]["window"]["max"] > 55


def test_annotations(browsed: Browsed, cells: int) -> None:
    user = browsed.client
    user.post("webclient/annotate_comment/", image=str(cells), comment="seen in the web")
    user.post("webclient/annotate_map/", image=str(cells), mapAnnotation=json.dumps([["stain", "DAPI"]]))
    found = user.json(f"webclient/api/annotations/?image={cells}")["annotations"]
    texts = {one["class"]: one.get("textValue") or one.get("values") for one in found}
    assert texts["CommentAnnotationI"] == "seen in the web"
    assert texts["MapAnnotationI"] == [["stain", "DAPI"]]


def test_a_dataset_is_made_renamed_filled_and_deleted(browsed: Browsed, cells: int) -> None:
    user = browsed.client
    made = user.post("webclient/action/addnewcontainer/", folder_type="dataset", name="first name").json()["id"]
    user.post(f"webclient/action/savename/dataset/{made}/", name="second name")
    user.post_json("webclient/api/links/", {"dataset": {str(made): {"image": [cells]}}})
    listed = {one["id"]: one for one in user.json("webclient/api/containers/?id=-1&page=0")["datasets"]}
    assert (listed[made]["name"], listed[made]["childCount"]) == ("second name", 1)
    user.post("webclient/action/deletemany/", dataset=str(made))
    [handle] = [key for key, job in user.json("webclient/activities_json/").items() if isinstance(job, dict)]
    assert _ended(user, handle)["status"] == "finished"
    assert user.json("webclient/api/containers/?id=-1&page=0")["datasets"] == []
    assert cells in {one["id"] for one in user.json(f"webclient/api/images/?id={browsed.dataset}&page=0")["images"]}
    user.get("webclient/activities_update/clean/")


def test_what_may_be_deleted(browsed: Browsed, cells: int) -> None:
    user = browsed.client
    link = re.compile(r"show=image-(\d+)")
    some = link.findall(user.get(f"webclient/fileset_check/delete/?Image={cells}").text)
    assert sorted(map(int, some)) == sorted(browsed.images.values())  # one that was asked for, three that hinder it
    assert link.findall(user.get(f"webclient/fileset_check/delete/?Dataset={browsed.dataset}").text) == []


@pytest.mark.parametrize(
    "path",
    [
        "webclient/history/", "webclient/load_calendar/", "webclient/usertags/", "webclient/activities/",
        "webclient/api/groups/", "webclient/api/experimenters/-1/", "webclient/api/tags/?id=-1",
        "webclient/group_user_content/", "webgateway/luts/", "webgateway/luts_png/", "webclient/avatar/0/",
        "api/v0/m/projects/", "api/v0/m/datasets/", "api/v0/m/images/", "api/v0/m/screens/", "api/v0/m/plates/",
        "api/v0/m/wells/", "api/v0/m/experimenters/", "static/webgateway/css/reset.css",
    ],
)  # fmt: skip
def test_other_pages(browsed: Browsed, path: str) -> None:
    assert browsed.client.get(path).content


def test_a_script_with_a_file_as_its_result(browsed: Browsed, server: Server, cells: int) -> None:
    with server.client() as root:
        number = root.sf.getScriptService().uploadOfficialScript("/tests/Report.py", SCRIPT)
    user = browsed.client
    assert "Report.py" in user.get("webclient/list_scripts/").text
    form = user.get(f"webclient/script_ui/{number}/?Image={cells}").text
    assert 'name="Count"' in form and 'value="3"' in form and "How many lines" in form
    done = _run(user, number, Count="4", IDs=str(cells))
    assert done["status"] == "finished" and done["Message"] == "Wrote 4 lines"
    file = done["results"]["File_Annotation"]
    assert user.get(f"webclient/annotation/{file['id']}/").text == "line\n" * 4
    failed = _run(user, number, Fail="on", IDs=str(cells))
    assert failed["returncode"] == 1
    assert "asked to fail" in user.get(f"webclient/get_original_file/{failed['stderr']}/").text


def _run(user: WebClient, script: int, **form: str) -> dict:
    return _ended(user, user.post(f"webclient/script_run/{script}/", **form).json()["jobId"])


def _ended(user: WebClient, number: str) -> dict:
    """What Activities says of a job at its end."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = user.json("webclient/activities_json/").get(number, {})
        if job.get("status") not in (None, "in progress"):
            return job
        time.sleep(0.5)
    raise AssertionError(f"it did not end: {job}")
