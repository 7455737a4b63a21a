"""What a restricted administrator needs for what: values of AdminPrivilege."""

PRIVILEGES = (
    "Chgrp", "Chown", "DeleteFile", "DeleteManagedRepo", "DeleteOwned", "DeleteScriptRepo", "ModifyGroup",
    "ModifyGroupMembership", "ModifyUser", "ReadSession", "Sudo", "WriteFile", "WriteManagedRepo", "WriteOwned",
    "WriteScriptRepo",
)  # fmt: skip
SCRIPTS = "ScriptRepo"  # the uuid of the repository of scripts
WRITE = {
    "Experimenter": "ModifyUser",
    "ExperimenterGroup": "ModifyGroup",
    "GroupExperimenterMap": "ModifyGroupMembership",
    "OriginalFile": "WriteFile",
}
DELETE = {**WRITE, "OriginalFile": "DeleteFile"}


def writing_privilege(name: str, repository: str | None = None) -> str:
    """The privilege to change what others own, by the class of the model; a file in a repository has its own."""
    return f"Write{_kind(repository)}" if repository else WRITE.get(name, "WriteOwned")


def deletion_privilege(name: str, repository: str | None = None) -> str:
    """The privilege to delete what others own."""
    return f"Delete{_kind(repository)}" if repository else DELETE.get(name, "DeleteOwned")


def _kind(repository: str) -> str:
    return "ScriptRepo" if repository == SCRIPTS else "ManagedRepo"
