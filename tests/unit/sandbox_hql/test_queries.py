"""Queries on a database: what comes back, how much of it is loaded, and what is refused."""

from typing import Any

import omero.clients
import pytest
from omero.model import (
    CommentAnnotationI,
    DatasetI,
    LaserI,
    LongAnnotationI,
    MapAnnotationI,
    NamedValue,
    TagAnnotationI,
)
from omero.rtypes import rint, rlist, rlong, robject, rstring, rtype, unwrap

import omero
from omero_sandbox.hql import find, project
from tests.unit.sandbox_model.acquisitions import dataset, external_info, fileset, image, original_file
from tests.unit.sandbox_model.world import World, caller

ME = caller()


class Asked:
    """Queries about a dataset "d" of three images (1 to 3 channels) of one fileset, with annotations on the first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.images = [image(f"image {n}", channels=n + 1) for n in range(3)]
        self.fileset = fileset(original_file("a"), original_file("b"))
        self.dataset = dataset("d")
        for n, made in enumerate(self.images):
            made.series = rint(n)
            made.fileset = self.fileset
            self.dataset.linkImage(made)
        self.images[0].details.externalInfo = external_info()
        tag, number, pairs, comment = TagAnnotationI(), LongAnnotationI(), MapAnnotationI(), CommentAnnotationI()
        tag.textValue, tag.ns, number.longValue = rstring("tag"), rstring("ns"), rlong(7)
        pairs.mapValue = [NamedValue("key", "1"), NamedValue("key", "2")]
        self.annotations = [tag, number, pairs, comment]
        for annotation in self.annotations:
            self.images[0].linkAnnotation(annotation)
        world.save(self.dataset)
        self.ids = [i.id.val for i in self.images]

    def parameters(self, limit: int | None = None, offset: int | None = None, **named: Any) -> Any:
        page = omero.sys.Filter()
        page.limit, page.offset = rtype(limit), rtype(offset)
        values = {"ids": rlist([rlong(i) for i in self.ids]), "did": rlong(self.dataset.id.val), **named}
        return omero.sys.Parameters(values, page if limit is not None or offset is not None else None, None)

    def find(self, query: str, **parameters: Any) -> Any:
        with self.world.database.read() as cursor:
            return find(cursor, ME, query, self.parameters(**parameters))

    def one(self, query: str, **parameters: Any) -> Any:
        [found] = self.find(query, **parameters)
        return found

    def project(self, query: str, **parameters: Any) -> Any:
        with self.world.database.read() as cursor:
            return unwrap(project(cursor, ME, query, self.parameters(**parameters)))

    def names(self, where: str, **parameters: Any) -> list[str]:
        query = f"select i from Image i where i.id in (:ids) and ({where}) order by i.id"
        return [i.name.val for i in self.find(query, **parameters)]


@pytest.fixture(scope="module")
def asked(world: World) -> Asked:
    return Asked(world)


class TestLoaded:
    def test_without_fetch(self, asked: Asked) -> None:
        found = asked.one("select i from Image i where i.id = :id", id=rlong(asked.ids[0]))
        assert found.isLoaded()
        assert not found.isPixelsLoaded()
        assert not found.fileset.isLoaded()
        assert found.fileset.id.val == asked.fileset.id.val
        assert not found.details.owner.isLoaded()
        assert found.details.externalInfo.id.val
        assert found.description is None

    def test_with_fetch(self, asked: Asked) -> None:
        found = asked.one(
            "select i from Image i join fetch i.details.owner join fetch i.details.externalInfo "
            "left outer join fetch i.pixels p left join fetch p.channels c left join fetch c.logicalChannel "
            "join fetch p.pixelsType left join fetch i.rois where i.id = :id",
            id=rlong(asked.ids[0]),
        )
        pixels = found.getPrimaryPixels()
        assert pixels.image is found
        assert pixels.pixelsType.value.val == "uint16"
        assert not pixels.dimensionOrder.isLoaded()
        assert [c.logicalChannel.name.val for c in pixels.copyChannels()] == ["channel 0"]
        assert found.details.owner.omeName.val == "owner"
        assert found.details.externalInfo.lsid.val == "/a.zarr/0"
        assert found.copyRois() == []

    def test_lists_come_in_their_order(self, asked: Asked) -> None:
        found = asked.one("select p from Pixels p join fetch p.channels c where p.image.id = :id order by c.id desc",
                          id=rlong(asked.ids[2]))  # fmt: skip
        assert [c.id.val for c in found.copyChannels()] == [
            c.id.val for c in asked.images[2].getPrimaryPixels().copyChannels()
        ]

    def test_objects_are_of_their_own_class(self, asked: Asked) -> None:
        found = asked.find("select l.child from ImageAnnotationLink l where l.parent.id = :id order by l.child.id",
                           id=rlong(asked.ids[0]))  # fmt: skip
        assert [type(f).__name__ for f in found] == [type(a).__name__ for a in asked.annotations]
        assert [(v.name, v.value) for v in found[2].mapValue] == [("key", "1"), ("key", "2")]
        link = asked.find("select l from ImageAnnotationLink l where l.parent.id = :id order by l.id",
                          id=rlong(asked.ids[0]))[0]  # fmt: skip
        assert not link.isLoaded()  # there is nothing unloaded of an abstract class
        fetched = asked.find("select l from ImageAnnotationLink l join fetch l.child where l.id = :id", id=link.id)
        assert isinstance(fetched[0].child, TagAnnotationI)

    def test_joined_subclasses(self, asked: Asked, world: World) -> None:
        laser = LaserI()
        laser.instrument, laser.model = omero.model.InstrumentI(), rstring("Argon")
        laser.type, laser.laserMedium = omero.model.LaserTypeI(1, False), omero.model.LaserMediumI(1, False)
        laser.wavelength = omero.model.LengthI(488.0, omero.model.enums.UnitsLength.NANOMETER)
        world.save(laser)
        named = {"id": rlong(laser.id.val)}
        assert asked.one("select s from LightSource s where s.id = :id", **named).wavelength.getValue() == 488.0
        assert asked.find("select a from Arc a where a.id = :id", **named) == []
        assert asked.project(
            "select l.wavelength.value, l.type.id, l.class from Laser l where l.id = :id", **named
        ) == [[488.0, 1, "ome.model.acquisition.Laser"]]


class TestConditions:
    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            ("i.name = 'image 1'", [1]),
            ("i.name like '%0' or i.series > 1", [0, 2]),
            ("lower(i.name) not like 'IMAGE%'", [0, 1, 2]),
            ("i.series between 1 and 2", [1, 2]),
            ("i.series not between 1 and 2", [0]),
            ("not (i.series = 1 or i.series = 2)", [0]),
            ("i.series in (0, 2)", [0, 2]),
            ("i.series not in (:series)", [1]),
            ("i.description is null", [0, 1, 2]),
            ("i.fileset.templatePrefix = 'prefix/'", [0, 1, 2]),
            ("i.details.owner.omeName = 'owner' and i.details.group.id = 12", [0, 1, 2]),
            ("i.details.externalInfo is not null", [0]),
            ("exists (select l from ImageAnnotationLink l where l.parent = i and l.child.ns = 'ns')", [0]),
            ("exists (select c.id from i.annotationLinks c)", [0]),
            ("i.annotationLinks is empty", [1, 2]),
            ("i.annotationLinks is not empty", [0]),
            ("size(i.annotationLinks) = 4", [0]),
            ("i in (select l.child from DatasetImageLink l where l.parent.id = :did)", [0, 1, 2]),
            ("i.id in (select max(j.id) from Image j where j.fileset = i.fileset)", [2]),
            ("i in elements(i.fileset.images)", [0, 1, 2]),
            ("i member of i.fileset.images and i.series = 2", [2]),
            ("i.id = any (select j.id from Image j where j.series = 1)", [1]),
            ("i.fileset = :fileset", [0, 1, 2]),
            ("(select count(c) from Channel c where c.pixels.image = i) > 1", [1, 2]),
            ("i.series + 1 = 2 * 1", [1]),
            ("case when i.series = 0 then 'a' else 'b' end = 'a'", [0]),
        ],
    )
    def test_select(self, asked: Asked, where: str, expected: list[int]) -> None:
        named = {"series": rlist([rint(0), rint(2)]), "fileset": robject(asked.fileset)}
        assert asked.names(where, **named) == [f"image {n}" for n in expected]

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ("a.class = TagAnnotation", 1),
            ("a.class = ome.model.annotations.TextAnnotation", 2),
            ("a.class != :cls", 3),
            ("a.class in (LongAnnotation, MapAnnotation)", 2),
            ("a.textValue = 'tag'", 1),
            ("a.longValue = 7", 1),
        ],
    )
    def test_classes(self, asked: Asked, condition: str, expected: int) -> None:
        query = f"select a from Image i join i.annotationLinks l join l.child a where i.id in (:ids) and {condition}"
        assert len(asked.find(query, cls=rstring("ome.model.annotations.MapAnnotation"))) == expected

    def test_maps_can_be_joined(self, asked: Asked) -> None:
        query = "select a from MapAnnotation a join a.mapValue v where v.name = 'key' and v.value = '2' and a.id = :id"
        assert len(asked.find(query, id=rlong(asked.annotations[2].id.val))) == 1

    def test_with(self, asked: Asked) -> None:
        query = ("select i.id, p.id from Image i left join i.pixels p with p.sizeC > 1 "
                 "where i.id in (:ids) order by i.id")  # fmt: skip
        assert [row[1] is None for row in asked.project(query)] == [True, False, False]

    def test_values_are_never_sql(self, asked: Asked) -> None:
        assert asked.names("i.name = :name", name=rstring("' or 1=1 --")) == []
        assert asked.names("i.name like '%(p0)s%'") == []


class TestRows:
    def test_fetched_collections_do_not_repeat_objects(self, asked: Asked) -> None:
        assert len(asked.find("select p from Pixels p join fetch p.channels where p.image.id in (:ids)")) == 3

    def test_joined_collections_do(self, asked: Asked) -> None:
        joined = "select {} p from Pixels p join p.channels where p.image.id in (:ids)"
        assert len(asked.find(joined.format(""))) == 6
        assert len(asked.find(joined.format("distinct"))) == 3

    @pytest.mark.parametrize("fetch", ["", "left outer join fetch i.pixels p left outer join fetch p.channels"])
    def test_pages(self, asked: Asked, fetch: str) -> None:
        query = f"select i from Image i {fetch} where i.id in (:ids) order by i.id desc"
        found = asked.find(query, limit=1, offset=1)
        assert [i.name.val for i in found] == ["image 1"]
        if fetch:
            assert found[0].getPrimaryPixels().sizeOfChannels() == 2

    def test_order_by_what_is_fetched(self, asked: Asked) -> None:
        query = ("select distinct i from Image i join fetch i.pixels p where i.id in (:ids) "
                 "order by p.sizeC desc")  # fmt: skip
        assert [i.name.val for i in asked.find(query)] == ["image 2", "image 1", "image 0"]

    def test_several_roots(self, asked: Asked) -> None:
        query = "select i.id from Image i, Fileset f where i.fileset = f and f.id = :fid order by i.id"
        assert asked.project(query, fid=rlong(asked.fileset.id.val)) == [[i] for i in asked.ids]

    def test_no_alias(self, asked: Asked) -> None:
        assert asked.project("select max(sizeC), min(sizeX) from Pixels where image.id in (:ids)") == [[3, 8]]


class TestProjection:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("select count(*), count(distinct p.sizeX), sum(p.sizeC), avg(p.sizeC)", [3, 1, 6, 2.0]),
            ("select p.physicalSizeX.value, p.physicalSizeX.unit", [0.25, "µm"]),
            ("select p.physicalSizeX", [{"value": 0.25, "unit": "MICROMETER", "symbol": "µm"}]),
            ("select new map(i.name as name, p.sizeX as x)", [{"name": "image 0", "x": 8}]),
            ("select upper(i.name), length(i.name), i.name || '!'", ["IMAGE 0", 7, "image 0!"]),
            ("select i.acquisitionDate, coalesce(i.description, 'none')", [None, "none"]),
            ("select size(p.channels), (select count(c) from Channel c where c.pixels = p)", [1, 1]),
            ("select type(i), cast(p.sizeX as string)", ["ome.model.core.Image", "8"]),
        ],
    )  # fmt: skip
    def test_values(self, asked: Asked, query: str, expected: list) -> None:
        grouped = "" if "count(*)" in query else " and i.series = 0"
        found = asked.project(f"{query} from Image i join i.pixels p where i.id in (:ids){grouped}")
        assert found == [expected]

    def test_types(self, asked: Asked) -> None:
        with asked.world.database.read() as cursor:
            [row] = project(
                cursor, ME,
                "select i.id, i.series, i.name, i.details.creationEvent.time, p.physicalSizeX.value, count(c), i, 1=1 "
                "from Image i join i.pixels p join p.channels c where i.id in (:ids) and i.series = 0 "
                "group by i, i.series, i.name, i.details.creationEvent.time, p.physicalSizeX.value",
                asked.parameters(),
            )  # fmt: skip
        assert [type(v).__name__.removesuffix("I") for v in row] == [
            "RLong", "RInt", "RString", "RTime", "RDouble", "RLong", "RObject", "RBool",
        ]  # fmt: skip

    def test_groups(self, asked: Asked) -> None:
        query = ("select f.id, count(i) as n from Image i join i.fileset f where i.id in (:ids) "
                 "group by f.id having count(i) > 1 order by n")  # fmt: skip
        assert asked.project(query) == [[asked.fileset.id.val, 3]]

    def test_permissions(self, asked: Asked) -> None:
        query = "select i.details.permissions from Image i where i.id in (:ids) and i.series = 0"
        assert asked.project(query) == [[{
            "perm": "rwra--", "canAnnotate": True, "canDelete": True, "canEdit": True, "canLink": True,
            "canChgrp": True, "canChown": False,
        }]]  # fmt: skip

    def test_index(self, asked: Asked) -> None:
        query = ("select index(c), maxIndex(c) from Pixels p join p.channels c where p.image.id = :id "
                 "group by c.id order by c.id")  # fmt: skip
        with pytest.raises(omero.QueryException):  # an index that is not grouped by: PostgreSQL's own refusal
            asked.project(query.replace("group by c.id", "group by p.id"), id=rlong(asked.ids[2]))
        assert asked.project(query, id=rlong(asked.ids[2])) == [[0, 0], [1, 1], [2, 2]]

    def test_ends_of_an_ordered_collection(self, asked: Asked) -> None:
        query = "select minIndex(p.channels), maxIndex(p.channels) from Pixels p where p.image.id = :id"
        assert asked.project(query, id=rlong(asked.ids[2])) == [[0, 2]]
        with pytest.raises(omero.QueryException, match="images has no order"):
            asked.project("select maxIndex(f.images) from Fileset f")

    def test_size_after_a_collection(self, asked: Asked) -> None:
        query = "select p.channels.size from Pixels p where p.image.id in (:ids) and p.channels.size ^= 2 order by p.id"
        assert asked.project(query) == [[1], [3]]
        assert len(asked.project("select f.size from OriginalFile f where f.size >= 0 or f.size is null")) > 0

    def test_whole_numbers_that_are_integers(self, asked: Asked) -> None:
        query = "select mod(i.id, 2), extract(year from i.details.creationEvent.time) from Image i where i.id in (:ids)"
        with asked.world.database.read() as cursor:
            found = project(cursor, ME, query, asked.parameters())
        assert {type(value).__name__ for row in found for value in row} == {"RIntI"}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("select p.path from Pixels p", "could not resolve property: path of: ome.model.core.Pixels"),
        ("select x from Nothing x", "Nothing is not mapped"),
        ("select x.name from Image i", "could not resolve property: x.name"),
        ("select i from Image i where i.pixels.id = 1", "illegal attempt to dereference collection [i.pixels]"),
        ("select i from Image i where i.id = :missing", "Not all named parameters have been set: [missing]"),
        ("select pg_sleep(1) from Image i", "the function pg_sleep is not in the sandbox's HQL"),
        ("select p.sizeX from Pixels p join fetch p.channels", "the owner of the fetched association was not present"),
        ("select i from Image i where i.name = 5 + 'a'", "invalid input syntax"),
        ("select i from Image i join i.name n", "outer or full join must be followed by path expression"),
        ("select i.annotationLinks from Image i", "select a join of annotationLinks"),
    ],
)
def test_refused(asked: Asked, query: str, says: str) -> None:
    with pytest.raises(omero.QueryException) as refused:
        asked.project(query)
    assert says in refused.value.message


def test_find_wants_objects(asked: Asked) -> None:
    with pytest.raises(omero.ApiUsageException):
        asked.find("select i.id from Image i")


def test_what_may_not_be_read_is_not_fetched(asked: Asked, world: World) -> None:
    private = caller("owner", "private")
    made = dataset()
    made.linkImage(image())
    world.save(made, by=private)
    with world.database.read() as cursor:
        query = f"select d from Dataset d left outer join fetch d.imageLinks where d.id = {made.id.val}"
        assert find(cursor, caller("member", "private"), query) == []
        assert isinstance(find(cursor, private, query)[0], DatasetI)
