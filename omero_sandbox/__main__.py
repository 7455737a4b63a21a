"""`omero-sandbox`, once what it needs is installed: it is an extra of omero-roz, and one line says so."""

import importlib.metadata
import re
import sys

DISTRIBUTION, EXTRA = "omero-roz", "sandbox"


def main() -> int:
    """Run the command; the exit status is 1, and nothing was started, where packages of the extra are missing."""
    if missing := lacking():
        sys.stderr.write(
            f"omero-sandbox: not installed with it: {', '.join(missing)}: pip install '{DISTRIBUTION}[{EXTRA}]'\n"
        )
        return 1
    from omero_sandbox import cli

    return cli.main()


def lacking() -> list[str]:
    """Return what the extra names and is not installed, as pip sees it."""
    try:
        wanted = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:  # sources on the path: nobody has said what they need
        return []
    mark = re.compile(rf"extra\s*==\s*['\"]{EXTRA}['\"]")
    names = [re.split(r"[^\w.-]", one)[0] for one in wanted if mark.search(one)]
    return [name for name in names if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
