"""`python -m omero_roz.ice`: print what pip has to install as Ice: `pip install "$(python -m omero_roz.ice)" .`

That is the path of a wheel for this Python, built if there is none yet, or `zeroc-ice==3.6.5` where it is installed.
Progress and errors go to stderr; the exit status after an error is 1, and nothing is printed.
"""

import sys

PYTHONS = ((3, 11), (3, 13))


def main() -> int:
    """Find or build, and print."""
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        this = f"{sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}"
        print(f"Ice: omero-roz is for Python 3.11 to 3.13, and {this}: start another one", file=sys.stderr)
        return 1
    from omero_roz.ice import SetupError
    from omero_roz.ice.obtaining import requirement

    try:
        print(requirement())
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Ice: stopped, and nothing is left of it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
