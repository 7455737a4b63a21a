"""What a restricted administrator needs for what: values of AdminPrivilege."""

PRIVILEGES = (
    "Chgrp", "Chown", "DeleteFile", "DeleteManagedRepo", "DeleteOwned", "DeleteScriptRepo", "ModifyGroup",
    "ModifyGroupMembership", "ModifyUser", "ReadSession", "Sudo", "WriteFile", "WriteManagedRepo", "WriteOwned",
    "WriteScriptRepo",
)  # fmt: skip
WRITE = {
    "Experimenter": "ModifyUser",
    "ExperimenterGroup": "ModifyGroup",
    "GroupExperimenterMap": "ModifyGroupMembership",
    "OriginalFile": "WriteFile",
}
DELETE = {**WRITE, "OriginalFile": "DeleteFile"}


def writing_privilege(name: str, in_repository: bool = False) -> str:
    """The privilege to change what others own, by the class of the model; a file in a repository has its own."""
    return "WriteManagedRepo" if in_repository else WRITE.get(name, "WriteOwned")


def deletion_privilege(name: str, in_repository: bool = False) -> str:
    """The privilege to delete what others own."""
    return "DeleteManagedRepo" if in_repository else DELETE.get(name, "DeleteOwned")
