"""IQuery: what Hibernate makes of HQL."""

from uuid import uuid4

import pytest
from omero.model import EllipseI, ImageI, LabelI, PointI, RectangleI, RoiI, TagAnnotationI
from omero.rtypes import rstring, unwrap

import omero
from tests.contract.facts import fact, refused


@pytest.fixture(scope="module")
def roi(user):
    """An image's ROI with four shapes; its id."""
    roi, roi_image = RoiI(), ImageI()
    roi_image.name = rstring("contract")
    roi.image = roi_image
    for shape in (LabelI, RectangleI, EllipseI, PointI):
        roi.addShape(shape())
    return user.sf.getUpdateService().saveAndReturnObject(roi).id.val


def ask(user, hql, **names):
    params = omero.sys.ParametersI()
    for name, value in names.items():
        params.addLong(name, value)
    return unwrap(user.sf.getQueryService().projection(hql, params))


@fact("real_server.md 19")
def test_discriminators_of_shapes(user, roi):
    """`class` of shapes is their discriminator: that of a Label is text, that of a Rectangle rect."""
    found = ask(user, "select s.class from Shape s where s.roi.id = :id order by s.id", id=roi)
    assert sorted(kind for (kind,) in found) == ["ellipse", "point", "rect", "text"]


@fact("Hibernate 3")
def test_class_and_type(user):
    """`class` of an annotation is its discriminator, `type` the full name of its class."""
    tag = user.sf.getUpdateService().saveAndReturnObject(TagAnnotationI()).id.val
    hql = "select a.class, type(a) from Annotation a where a.id = :id and a.class = TagAnnotation"
    assert ask(user, hql, id=tag) == [["/basic/text/tag/", "ome.model.annotations.TagAnnotation"]]


@fact("Hibernate 3")
def test_no_class(user):
    """`class` of what has no subclasses is no property: QueryException."""
    with refused(omero.QueryException, "could not resolve property: class of: ome.model.core.Image"):
        ask(user, "select i.class from Image i")


JOINED = [
    ("select r.image.name from Roi r join r.shapes s", True),
    ("select i.details.group.name from Roi r join r.image i join r.shapes s", False),
    ("select i.details.group.name from Roi r join r.shapes s join r.image i", True),
    ("select i.details.group.id from Roi r join r.image i join r.shapes s", True),
    ("select s.id from Roi r join r.image i join r.shapes s where i.details.group.name = 'x'", True),
    ("select s.id from Roi r join r.image i join r.shapes s order by i.details.group.name", True),
    ("select p.pixelsType.value from Image i left outer join i.pixels p left outer join i.rois r", False),
    ("select p.pixelsType.value, c.id from Image i join i.pixels p join p.channels c", True),
]


@fact("Hibernate 3")
@pytest.mark.parametrize(("hql", "right"), JOINED, ids=lambda value: value if isinstance(value, str) else None)
def test_selecting_through_a_joined_alias(user, hql, right):
    """What is selected through an association of a joined alias fails where joins follow that do not depend on it."""
    if right:
        ask(user, hql)
    else:
        with refused(omero.ApiUsageException, "could not execute query"):
            ask(user, hql)


@fact("omero_api_calls.md")
def test_unknown_property(user):
    """HQL that names what is not there is a QueryException: Illegal query."""
    with refused(omero.QueryException, "Illegal query"):
        ask(user, f"select i.{uuid4().hex[:4]}x from Image i")


@fact("omero_replacement.md a")
@pytest.mark.parametrize("name", ["path", "name", "repo"])
def test_pixels_have_no_file(user, name):
    """pixels.path, name and repo are not to be had by HQL."""
    with refused(omero.QueryException, f"could not resolve property: {name}"):
        ask(user, f"select p.{name} from Pixels p")


@fact("real_server.md 21")
@pytest.mark.parametrize(("kind", "java"), [("Roi", "ome.model.roi.Roi"), ("Plate", "ome.model.screen.Plate")])
def test_images_of_other_things(user, kind, java):
    """IContainer.getImages of anything but images, datasets and projects: Query not implemented."""
    with refused(omero.ApiUsageException, f"Query not implemented for class {java}"):
        user.sf.getContainerService().getImages(kind, [1], None)
