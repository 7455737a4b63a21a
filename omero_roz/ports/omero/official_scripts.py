"""The official scripts of a server, which its processor runs for everybody."""

from typing import Any

from omero_roz.ports.omero.session import ANY_GROUP, OmeroSession, omero_errors

_ASKING = "asking for the scripts of the server"


class OfficialScripts:
    """The scripts in one directory of the server's, such as /roz/, by their names."""

    def __init__(self, session: OmeroSession, directory: str) -> None:
        self._session, self._directory = session, directory
        with omero_errors(_ASKING):
            self._service = session.factory.getScriptService()

    def found(self) -> dict[str, Any]:
        """Those that are there: their OriginalFiles by name."""
        with omero_errors(_ASKING):
            scripts = self._service.getScripts()
        return {one.name.val: one for one in scripts if f"/{one.path.val.strip('/')}/" == self._directory}

    def text(self, file: Any) -> str:
        """The text of a script."""
        with omero_errors(f"reading the script {file.name.val}"):
            return self._service.getScriptText(file.id.val) or ""

    def add(self, name: str, text: str) -> int:
        """Make a new script; its id. Raises Refused for anybody but administrators."""
        with omero_errors(f"uploading the script {name}"):
            return self._service.uploadOfficialScript(f"{self._directory}{name}", text)

    def edit(self, file: Any, text: str) -> None:
        """Give a script another text; its id stays."""
        with omero_errors(f"updating the script {file.name.val}"):
            self._service.editScript(file, text)

    def remove(self, file: Any) -> None:
        """Delete a script, as seen from all groups: jobs that the call does not see keep the row, while the file goes
        (facts: real_server P11)."""
        with omero_errors(f"deleting the script {file.name.val}"):
            self._service.deleteScript(file.id.val, self._session.group_context(ANY_GROUP))
