"""What commands import: each runs in a fork of a process that has OMERO's command line and its plugins.

Reads a JSON list of argument lists, writes a JSON list of [exit code, modules imported, what it said].
"""

import json
import os
import sys
import tempfile

import omero.cli


def main() -> None:
    """Run them all."""
    omero.cli.argv(["omero", "version"])
    told = [_forked(arguments) for arguments in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(told))


def _forked(arguments: list[str]) -> tuple[int, list[str], str]:
    before = set(sys.modules)
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as imported:
        child = os.fork()
        if not child:
            code = 1
            try:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                code = omero.cli.argv(["omero", *arguments])
            except SystemExit as error:
                code = int(error.code or 0)
            finally:
                sys.stdout.flush()
                json.dump(sorted(set(sys.modules) - before), imported)
                imported.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        imported.seek(0)
        return os.waitstatus_to_exitcode(status), json.load(imported), said.read()


if __name__ == "__main__":
    main()
