"""The long description: README.md, with no link that is dead on a package index, where the repository is not."""

import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")


def long_description(text: str, source: str) -> str:
    """`text` with links into the repository at `source`; where that is empty only their words are left."""
    folders = {"": "blob", "!": "raw"}

    def turned(link: re.Match[str]) -> str:
        is_image, words, path = link.groups()
        if source:
            return f"{is_image}[{words}]({source.rstrip('/')}/{folders[is_image]}/HEAD/{path})"
        return "" if is_image else words

    return LINK.sub(turned, text)


def source() -> str:
    """The address of the repository among the project's URLs, empty where there is none."""
    config = ConfigParser(interpolation=None)
    config.read(HERE / "setup.cfg")
    urls = dict(line.split(" = ", 1) for line in config["metadata"]["project_urls"].split("\n") if " = " in line)
    return urls.get("Source", "")


if __name__ == "__main__":
    setup(long_description=long_description((HERE / "README.md").read_text(encoding="utf-8"), source()))
