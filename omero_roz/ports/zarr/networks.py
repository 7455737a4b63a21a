"""Which IP addresses are public, and which IPv4 addresses an IPv6 one hides.

ipaddress's own lists grow with Python, so what follows from IANA's registries of special addresses (RFC 6890) is here.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# Where clouds hand out credentials: Amazon's (Google and Azure have the same), its containers', Alibaba, Oracle, Azure.
METADATA_SERVICES = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "192.0.0.192", "168.63.129.16",
            "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
        ),
    )
)  # fmt: skip
# All that IANA has given out for hosts of the internet; what is set apart elsewhere (fc00, fe80, fec0, 5f00) is out.
_UNICAST = IPv6Network("2000::/3")
_SET_APART = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_RELAYS = IPv4Network("192.88.99.0/24")  # of 6to4, given up by RFC 7526
# An IPv4 address in other words, which systems or the network's NAT64 turn back: it alone is judged.
_TRANSLATED = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
# And those of which the lowest bits are one, but which are addresses of their own: IPv4-compatible, SIIT.
_EMBEDDING = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"))
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_ISATAP = (0x5EFE, 0x2005EFE)
_LOW = 0xFFFFFFFF


def parse(text: str) -> Address:
    """The address, without the zone (fe80::1%eth0) that a link-local one may have; ValueError for what is none."""
    return ip_address(text.partition("%")[0])


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's, for anybody to reach."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and address not in _RELAYS
    return address.is_global and address in _UNICAST and not any(address in one for one in _SET_APART)


def to_judge(address: Address) -> Iterator[Address]:
    """The addresses that a connection to this one may end at: each has to be allowed."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if not any(address in network for network in _TRANSLATED):
        yield address
    yield from _hidden(address)


def is_metadata_service(address: Address) -> bool:
    """Whether a cloud's metadata service may be what an address leads to."""
    found = {address, *to_judge(address)}
    if isinstance(address, IPv6Address) and address in _LOCAL_NAT64:
        found.update(_behind_local_nat64(address))
    return not METADATA_SERVICES.isdisjoint(found)


def _hidden(address: IPv6Address) -> Iterator[IPv4Address]:
    number = int(address)
    tunnels = (address.sixtofour, *(address.teredo or ()))
    yield from (one for one in tunnels if one is not None)
    low = any(address in network for network in (*_TRANSLATED, *_EMBEDDING)) and number > 1  # :: and ::1 are themselves
    if low or number >> 32 & _LOW in _ISATAP:
        yield IPv4Address(number & _LOW)


def _behind_local_nat64(address: IPv6Address) -> Iterator[IPv4Address]:
    """What a NAT64 with a prefix of its own may make of it: RFC 6052 puts IPv4 after 48, 56, 64 or 96 bits.

    Which of them is the network's secret, so only what must never be reached is looked for in all.
    """
    number = int(address)
    yield IPv4Address(number & _LOW)
    octets = number >> 64 << 56 | number & (1 << 56) - 1  # the octet after 64 bits stays empty
    for prefix in (48, 56, 64):
        yield IPv4Address(octets >> (120 - prefix - 32) & _LOW)
