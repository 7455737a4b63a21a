"""Imports by the server itself."""

from uuid import uuid4

import pytest
from omero.rtypes import unwrap

import omero
from tests.contract.facts import fact, refused
from tests.support.importing import run_import, start, upload

OME = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{}</OME>'
IMAGE = (
    '<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint8" SizeX="2" SizeY="1" SizeZ="1"'
    ' SizeC="1" SizeT="1"><Channel ID="Channel:{n}:0"/>{planes}</Pixels></Image>'
)
PLATE = '<Plate ID="Plate:0"><Well ID="Well:0" Row="0" Column="0">{}</Well></Plate>'
SAMPLE = '<WellSample ID="WellSample:{n}" Index="{n}">{image}</WellSample>'
NO_PLANES = "<MetadataOnly/>"


def imported(client, planes=NO_PLANES, images=1, before=""):
    """Import an OME-XML; the server's response."""
    xml = OME.format(before + "".join(IMAGE.format(n=n, planes=planes) for n in range(images)))
    return run_import(client, [(f"{uuid4().hex[:8]}/contract.ome.xml", xml.encode())])


def rows(client, response, hql):
    """A projection over the Pixels of an import."""
    ids = omero.sys.ParametersI().addIds([p.id.val for p in response.pixels])
    return unwrap(client.sf.getQueryService().projection(f"{hql} where p.id in (:ids)", ids))


@pytest.fixture(scope="module")
def whole(user):
    """An import of an OME-XML without planes."""
    response = imported(user)
    assert isinstance(response, omero.grid.ImportResponse), response
    return response


@fact("omero_import_rows.md")
def test_one_image_has_the_files_name(user, whole):
    """An import's only image is called as its file, several have the names or numbers in the file after it."""
    assert rows(user, whole, "select p.image.name from Pixels p") == [["contract.ome.xml"]]
    several = rows(user, imported(user, images=2), "select p.image.name from Pixels p")
    assert sorted(several) == [["contract.ome.xml [0]"], ["contract.ome.xml [1]"]]


@fact("omero_import_rows.md")
def test_format(user, whole):
    """An OME-XML's images have the format OMEXML."""
    assert rows(user, whole, "select p.image.format.value from Pixels p") == [["OMEXML"]]


@fact("omero_replacement.md, part 3")
def test_planes_of_an_ome_xml(user, whole):
    """An image of an OME-XML without ExternalInfo cannot be read: LockTimeout, Import in progress."""
    store = user.sf.createRawPixelsStore()
    with refused(omero.LockTimeout, "Import in progress"):
        store.setPixelsId(whole.pixels[0].id.val, False)
    store.close()


@fact("real_server.md 25")
def test_no_settings_of_an_ome_xml(user, whole):
    """An OME-XML's import makes no rendering settings."""
    assert rows(user, whole, "select r.id from RenderingDef r join r.pixels p") == []


@fact("real_server.md 20")
def test_padded_base64(user):
    """Planes in padded base64 are imported."""
    response = imported(user, '<BinData BigEndian="false" Length="4">AQI=</BinData>')
    assert isinstance(response, omero.grid.ImportResponse)


@fact("real_server.md 20")
def test_broken_zlib(user):
    """A plane that is no zlib stream fails the import: import-file-exception."""
    response = imported(user, '<BinData BigEndian="false" Compression="zlib" Length="4">AQID</BinData>')
    assert isinstance(response, omero.cmd.ERR) and response.name == "import-file-exception"


@fact("omero_import_rows.md")
def test_broken_xml(user):
    """An OME-XML that is not well-formed fails the import before there are images: error-on-init."""
    response = run_import(user, [(f"{uuid4().hex[:8]}/contract.ome.xml", b"<OME>")])
    assert isinstance(response, omero.cmd.ERR) and response.name == "error-on-init"


@fact("real_server.md 18")
def test_place_without_an_image(user):
    """A WellSample without an image fails the import."""
    samples = SAMPLE.format(n=0, image='<ImageRef ID="Image:0"/>') + SAMPLE.format(n=1, image="")
    assert isinstance(imported(user, before=PLATE.format(samples)), omero.cmd.ERR)
    whole = PLATE.format(SAMPLE.format(n=0, image='<ImageRef ID="Image:0"/>'))
    assert isinstance(imported(user, before=whole), omero.grid.ImportResponse)


@fact("real_server.md 22")
def test_log(root, user, whole):
    """An import's log is a file of its own, linked to the fileset's first job; it does not say that it is finished."""
    hql = (
        "select f.id from FilesetJobLink l join l.parent s join l.child j join j.originalFileLinks o join o.child f"
        " join s.images i join i.pixels p"
    )
    [[number]] = rows(user, whole, hql)
    store = user.sf.createRawFileStore()
    store.setFileId(number)
    text = store.read(0, store.size())
    store.close()
    assert text and b"finished" not in text.lower()


@fact("omero_import_rows.md")
def test_jobs(user, whole):
    """Of an import's jobs only the upload is ever Finished; the others stay Submitted."""
    hql = "select j.status.value from Pixels p join p.image i join i.fileset s join s.jobLinks l join l.child j"
    found = [status for (status,) in rows(user, whole, hql)]
    assert sorted(found) == ["Finished", *["Submitted"] * 4]


@fact("omero_api_calls.md")
def test_wrong_checksums(user):
    """What was uploaded with another checksum is not imported: ChecksumValidationException names the server's."""
    process = start(user, [f"{uuid4().hex[:8]}/a.bin"])
    upload(process, 0, b"abc")
    with refused(omero.ApiUsageException, "hashes size should be 1 not 0"):
        process.verifyUpload([])
    with pytest.raises(omero.ChecksumValidationException) as caught:
        process.verifyUpload(["wrong"])
    assert list(caught.value.failingChecksums) == [0]
    process.close()


@fact("omero_import_rows.md")
def test_no_files(user):
    """An import of no files, or by an unknown checksum algorithm, is refused."""
    with refused(omero.ApiUsageException, "No paths provided"):
        start(user, [])
    with refused(omero.ValidationException, "unknown checksum algorithm: nope"):
        start(user, ["a"], "nope")
