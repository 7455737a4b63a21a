"""Servants made of plain classes: what is missing, wrong or broken is answered at once, over real Ice."""

import importlib
import pkgutil

import Ice
import omero.clients
import psycopg2
import pytest

import omero
from omero_sandbox import services
from omero_sandbox.context import Caller
from omero_sandbox.services import base

EVERY = [
    f"omero.api.{name}"
    for name in [
        "IAdmin",
        "IConfig",
        "IContainer",
        "ILdap",
        "IMetadata",
        "IPixels",
        "IProjection",
        "IQuery",
        "IRenderingSettings",
        "IRepositoryInfo",
        "IRoi",
        "IScript",
        "ISession",
        "IShare",
        "ITimeline",
        "ITypes",
        "IUpdate",
        "Exporter",
        "JobHandle",
        "RawFileStore",
        "RawPixelsStore",
        "RenderingEngine",
        "Search",
        "ThumbnailStore",
        "ServiceFactory",
    ]
] + [f"omero.grid.{name}" for name in ("SharedResources", "Repository", "ManagedRepository", "ImportProcess", "Tables")]
NOBODY = Caller(0, "", 0, "root", 0, "system", True, frozenset({0}), frozenset({0}))


class Here:
    """A session that lets everybody call."""

    def caller(self, context):
        return NOBODY


@pytest.fixture(scope="module")
def communicator():
    communicator = Ice.initialize(["--Ice.Default.InvocationTimeout=5000"])
    yield communicator
    communicator.destroy()


@pytest.fixture
def serve(communicator):
    adapter = communicator.createObjectAdapterWithEndpoints(Ice.generateUUID(), "tcp -h 127.0.0.1")
    adapter.activate()

    def serve(cls):
        made = cls(None, Here())
        proxy = adapter.add(base.servant(made), Ice.Identity("made"))
        generated = base.ice_class(cls.interface)
        return getattr(omero.api, f"{generated.__name__}Prx").uncheckedCast(proxy)

    yield serve
    adapter.destroy()


@pytest.mark.parametrize("interface", EVERY)
def test_every_operation_is_filled_in(interface):
    generated, made = base.ice_class(interface), type(base.servant(base.implementation(interface)(None, None)))
    for attribute in dir(generated):
        if attribute.startswith("_op_") and not attribute.startswith("_op_ice_"):
            name = attribute.removeprefix("_op_")
            name = f"{name}_async" if hasattr(generated, f"{name}_async") else name
            assert getattr(made, name) is not getattr(generated, name, None), name


def test_every_public_method_is_an_operation():
    for module in pkgutil.iter_modules(services.__path__):
        importlib.import_module(f"{services.__name__}.{module.name}")
    for interface, cls in base.SERVICES.items():
        operations = {name.removeprefix("_op_") for name in dir(base.ice_class(interface))}
        public = {name for name in vars(cls) if not name.startswith("_") and callable(getattr(cls, name))}
        assert public - operations <= {"released", "open"}, interface


def test_unknown_interface_is_refused():
    with pytest.raises(omero.ApiUsageException, match=r"There is no service omero\.api\.Nope"):
        base.ice_class("omero.api.Nope")


def test_missing_operation_names_itself(serve):
    class Config(base.Service):
        interface = "omero.api.IConfig"

    with pytest.raises(omero.ApiUsageException, match=r"omero\.api\.IConfig\.getVersion is not in this sandbox"):
        serve(Config).getVersion()


@pytest.mark.parametrize("answer", [7, None, object()])
def test_answer_that_cannot_be_sent_does_not_hang(serve, answer):
    class Types(base.Service):
        interface = "omero.api.ITypes"

        def getEnumeration(self, call, name, value):
            return answer

        def allEnumerations(self, call, name):
            broken = omero.model.FormatI()
            broken.__dict__["_value"] = 7
            return [broken]

    proxy = serve(Types)
    if answer is None:
        assert proxy.getEnumeration("a", "b") is None
    else:
        with pytest.raises(Ice.UnknownException):
            proxy.getEnumeration("a", "b")
    with pytest.raises(Ice.UnknownException):
        proxy.allEnumerations("a")


@pytest.mark.parametrize(
    ("raised", "received", "message"),
    [
        (omero.SecurityViolation(message="no"), omero.SecurityViolation, "no"),
        (psycopg2.IntegrityError("twice\nDETAIL: x"), omero.ValidationException, "twice"),
        (KeyError("lost"), omero.InternalException, "omero.api.IConfig.getVersion: 'lost'"),
    ],
)
def test_exceptions_are_translated(serve, raised, received, message):
    class Config(base.Service):
        interface = "omero.api.IConfig"

        def getVersion(self, call):
            raise raised

    with pytest.raises(received) as error:
        serve(Config).getVersion()
    assert error.value.message == message
    assert error.value.serverExceptionClass == f"ome.conditions.{received.__name__}"


def test_void_operations_answer(serve):
    class Config(base.Service):
        interface = "omero.api.IConfig"

        def setConfigValue(self, call, key, value):
            pass

    assert serve(Config).setConfigValue("a", "b") is None
