"""`omero roz completeness --fill` and `--undo`: what they ask and print."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omero_roz import cli_zarr
from omero_roz.errors import UsageError

if TYPE_CHECKING:
    from omero_roz.ports.fills import Filled
    from omero_roz.ports.omero_session import OmeroSession
    from omero_roz.verify.fill import Planned


def check(args: Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    from omero_roz.verify.sides import is_omero

    changes = args.fill or args.undo
    if args.fill and args.undo:
        raise UsageError("either --fill or --undo", fix="say one of them")
    if args.undo and args.b is not None:
        raise UsageError("--undo takes back what was filled in one object", args.b, "name the object alone")
    if args.b is None and not args.undo:
        raise UsageError("nothing to compare it with", args.a, "name the other side as well")
    if changes and not is_omero(args.a):
        raise UsageError("only what is in OMERO can be filled", args.a, "name Image:ID, Plate:ID or Fileset:ID first")
    if changes and args.html:
        raise UsageError("a page is made of a comparison", f"--html {args.html}", "compare in a call of its own")
    if (args.yes or args.dry_run) and not changes:
        raise UsageError("a comparison changes nothing", fix="--yes and --dry-run belong to --fill and --undo")


def fill(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Fill A from B, after showing what would be filled."""
    from omero_roz import terminal
    from omero_roz.ports.omero_session import as_owner
    from omero_roz.verify import fill as filling
    from omero_roz.verify.sides import read_side

    access = cli_zarr.access(args)
    b = read_side(args.b, access, session)
    owner = filling.owner_of(session(), args.a)
    with as_owner(session(), owner, args.a) as mine:
        planned = filling.prepare(read_side(args.a, access, lambda: mine), b)
        count = len(planned.filling.fields)
        if not args.json:
            terminal.show_filling(planned.filling, sys.stdout)
        done = bool(count) and _confirmed(ctx, args, f"Fill {count} fields of {args.a} from {args.b}")
        if done:
            filling.fill(planned, owner, session().who.user_name)
    if args.json:
        ctx.out(json.dumps(_json(planned, done), ensure_ascii=False, indent=2))
    told = f"filled {count} fields from {args.b}" if done else f"nothing was filled of {count} fields that could be"
    ctx.err(f"{args.a}: {told if count else f'it lacks nothing that can be filled from {args.b}'}")
    if done:
        ctx.err(f"to undo: omero roz completeness {args.a} --undo")


def undo(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Take the last fill of A back."""
    from omero_roz.ports.omero_session import as_owner
    from omero_roz.verify import fill as filling

    owner = filling.owner_of(session(), args.a)
    with as_owner(session(), owner, args.a) as mine:
        last = filling.last(mine, args.a, owner)
        ctx.err(_told(args.a, last))
        done = _confirmed(ctx, args, f"Take {last.said['fields']} fields of {args.a} back")
        if done:
            filling.undo(mine, last, owner)
    if args.json:
        ctx.out(json.dumps({key: last.said[key] for key in _SAID} | {"undone": done}, ensure_ascii=False, indent=2))
    ctx.err(f"{args.a}: {'taken back' if done else 'nothing was changed'}")


_SAID = ("object", "from", "user", "when", "fields")


def _told(where: str, last: "Filled") -> str:
    said = last.said
    return f"{where}: {said['fields']} fields were filled from {said['from']} by {said['user']} at {said['when']}"


def _json(planned: "Planned", done: bool) -> dict[str, Any]:
    from omero_roz.verify.completeness import field_json

    return {
        "object": planned.a.name,
        "from": planned.b.name,
        "filled": done,
        "fields": [field_json(field) for field in planned.filling.fields],
        "left": [{"path": one.where, "why": one.what} for one in planned.filling.left],
    }


def _confirmed(ctx: Any, args: Namespace, question: str) -> bool:
    if args.dry_run:
        ctx.err("dry run: nothing was changed")
        return False
    return cli_zarr.confirmed(ctx, args, args.a, question)
