import pytest
from ome_types.model import Channel, Filter, FilterSet, Laser, LightPath, TransmittanceRange

from ome_graph.channels import BLUE, GREEN, GREY, RED, WHITE, colours, name

ELEMENTS = {
    "Filter:1": Filter(id="Filter:1", transmittance_range=TransmittanceRange(cut_in=500, cut_out=540)),
    "Filter:2": Filter(id="Filter:2"),
    "LightSource:1": Laser(id="LightSource:1", wavelength=640),
    "FilterSet:1": FilterSet(id="FilterSet:1", excitation_filters=[{"id": "Filter:1"}]),
}
PLAIN = Channel()
EMITS = Channel(emission_wavelength=450)
OWN = Channel(color="#010203")


def test_one_channel_is_grey_whatever_its_wavelength():
    assert colours([PLAIN], {}) == [GREY]
    assert colours([EMITS], {}) == [GREY]
    assert colours([OWN], {}) == [(1, 2, 3, 255)]


def test_several_cycle():
    assert colours([PLAIN, None, PLAIN, PLAIN, OWN], {}) == [RED, GREEN, BLUE, RED, (1, 2, 3, 255)]


def test_without_emission_beside_one_with_it_is_white():
    assert colours([PLAIN, EMITS], {}) == [WHITE, BLUE]


@pytest.mark.parametrize(
    ("channel", "colour", "named"),
    [
        (Channel(emission_wavelength=499.9), BLUE, "499.9"),
        (Channel(emission_wavelength=500), GREEN, "500.0"),
        (Channel(emission_wavelength=560), RED, "560.0"),
        (Channel(excitation_wavelength=561, light_source_settings={"id": "LightSource:1"}), RED, "640.0"),
        (Channel(excitation_wavelength=405), BLUE, "405.0"),
        (Channel(light_path=LightPath(emission_filters=[{"id": "Filter:2"}, {"id": "Filter:1"}])), GREEN, "500.0"),
        (Channel(filter_set_ref={"id": "FilterSet:1"}), GREEN, "500.0"),
        (PLAIN, RED, None),
    ],
)
def test_by_wavelength(channel, colour, named):
    assert colours([channel, channel], ELEMENTS)[0] == colour
    assert name(channel, ELEMENTS) == named
