"""IRepositoryInfo: room on the disk."""

import shutil

from omero_sandbox.services.base import Call, Service, service


@service
class RepositoryInfoService(Service):
    """The disk that the data directory is on."""

    interface = "omero.api.IRepositoryInfo"

    def getUsedSpaceInKilobytes(self, call: Call) -> int:
        """Used room in units of 1024 bytes."""
        return shutil.disk_usage(self.state.settings.data_dir).used // 1024

    def getFreeSpaceInKilobytes(self, call: Call) -> int:
        """Free room in units of 1024 bytes."""
        return shutil.disk_usage(self.state.settings.data_dir).free // 1024

    def getUsageFraction(self, call: Call) -> float:
        """Used room as a part of all."""
        usage = shutil.disk_usage(self.state.settings.data_dir)
        return usage.used / usage.total
