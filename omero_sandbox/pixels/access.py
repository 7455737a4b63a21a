"""Who may read which rows, as a condition in SQL."""

from omero_sandbox.context import ALL_GROUPS, Caller

# experimentergroup.permissions: bit 6 is the right of members to read (rw---- is -120, rwr--- is -56)
_MEMBERS_READ = 64


def readable(caller: Caller, table: str) -> tuple[str, dict[str, object]]:
    """A condition on the alias `table` (with owner_id and group_id), and its parameters.

    As in OMERO: administrators read all, others their own rows and those of groups in which members may read or which
    they lead; a call in one group sees that group only.
    """
    context = "TRUE" if caller.group_id == ALL_GROUPS else f"{table}.group_id = %(in_group)s"
    right = f"""(%(is_admin)s OR ({table}.group_id = ANY(%(member_of)s) AND (
        {table}.owner_id = %(user)s OR {table}.group_id = ANY(%(leader_of)s) OR EXISTS (
            SELECT 1 FROM experimentergroup g WHERE g.id = {table}.group_id AND g.permissions & {_MEMBERS_READ} <> 0
        ))))"""
    return f"({context} AND {right})", {
        "in_group": caller.group_id,
        "is_admin": caller.is_admin,
        "member_of": list(caller.member_of),
        "leader_of": list(caller.leader_of),
        "user": caller.user_id,
    }
