"""Who calls, and how the sandbox was set up: the values that every other part is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ALL_GROUPS = -1
CLIENT, SESSION = "omero.client.uuid", "omero.session.uuid"  # keys of a call's context


@dataclass(frozen=True)
class Caller:
    """The session and the group context of one call.

    `group_id` is the group in which the call works: the session's, or what the call context `omero.group`
    says; ALL_GROUPS means every group that the user may read. `withheld`: values of AdminPrivilege that a
    restricted administrator does not have.
    """

    session_id: int
    session_uuid: str
    user_id: int
    user_name: str
    group_id: int
    group_name: str
    is_admin: bool
    member_of: frozenset[int]
    leader_of: frozenset[int]
    withheld: frozenset[str] = frozenset()

    def holds(self, privilege: str) -> bool:
        """Whether the caller is an administrator with a privilege."""
        return self.is_admin and privilege not in self.withheld


@dataclass(frozen=True)
class Settings:
    """How one sandbox was started.

    `reader_v3`: the pixel buffer opens Zarr v3 too (today's released readers open v2 only). `s3`: the endpoint that
    stands in for each host of s3://HOST/BUCKET/KEY, as there is neither DNS nor TLS for it here. `latency_ms`: what
    each remote call waits before it is answered.
    """

    data_dir: Path
    ssl_port: int
    tcp_port: int
    root_password: str
    reader_v3: bool = False
    s3: Mapping[str, str] = field(default_factory=dict)
    latency_ms: float = 0.0

    @property
    def managed_repository(self) -> Path:
        """Where the ManagedRepository's files are."""
        return self.data_dir / "ManagedRepository"

    @property
    def romio(self) -> Path:
        """Where the pixels of images without a fileset are."""
        return self.data_dir / "Pixels"
