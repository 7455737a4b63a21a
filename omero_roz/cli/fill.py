"""`omero roz completeness --fill` and `--undo`: what they ask and print."""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from omero_roz.cli.options import access
from omero_roz.cli.telling import confirmed
from omero_roz.shown import counted

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.verify.fill import Planned


def fill(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Fill A from B, after showing what would be filled."""
    from omero_roz.ports.omero.session import as_owner
    from omero_roz.verify import fill as filling
    from omero_roz.verify.sides import read_side, resolved

    how = access(args)
    args.a = resolved(session(), args.a)
    b = read_side(args.b, how, session)
    owner = filling.owner_of(session(), args.a)
    with as_owner(session(), owner, args.a) as mine:
        planned = filling.prepare(read_side(args.a, how, lambda: mine), b)
        count = len(planned.filling.fields)
        fields = counted(count, "field")
        if not args.json:
            from omero_roz.cli.terminal import show_filling

            show_filling(planned.filling, sys.stdout)
        done = bool(count) and _confirmed(ctx, args, f"Fill {fields} of {args.a} from {args.b}")
        if done:
            filling.fill(planned, owner, session().who.user_name)
    if args.json:
        ctx.json(_json(planned, done))
    what = f"filled {fields} from {args.b}" if done else f"nothing was filled of {fields} that could be"
    ctx.err(f"{args.a}: {what if count else f'it lacks nothing that can be filled from {args.b}'}")
    if done:
        ctx.err(f"to undo: omero roz completeness {args.a} --undo")


def undo(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Take the last fill of A back."""
    from omero_roz.ports.omero.session import as_owner
    from omero_roz.verify import fill as filling
    from omero_roz.verify.fill import SAID
    from omero_roz.verify.sides import resolved

    args.a = resolved(session(), args.a)
    owner = filling.owner_of(session(), args.a)
    with as_owner(session(), owner, args.a) as mine:
        last = filling.last(mine, args.a, owner)
        ctx.err(f"{args.a}: {told(last.said)}")
        done = _confirmed(ctx, args, f"Take {counted(last.said['fields'], 'field')} of {args.a} back")
        if done:
            filling.undo(mine, last, owner)
    if args.json:
        ctx.json({key: last.said[key] for key in SAID} | {"undone": done})
    ctx.err(f"{args.a}: {'taken back' if done else 'nothing was changed'}")


def told(said: Mapping[str, Any]) -> str:
    """What a fill was, for people."""
    return f"{counted(said['fields'], 'field')} filled from {said['from']} by {said['user']} at {said['when']}"


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
    return confirmed(ctx, args, args.a, question)
