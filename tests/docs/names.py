# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links of a page, and the names in its inline code that are ours."""

import functools
import re
from pathlib import Path

from elsewhere import OPTION, options_of, programs
from markdown import Markdown
from sandbox import ROOT, Fault

HERE = Path(__file__).resolve().parent
FOLDERS = ("docs", "elements", "examples", "gst", "plugins", "tests")
SOURCE = re.compile(r"^[\w@*./-]+\.(c|cpp|h|py|sh|js|mjs|service)$")
SCRIPTS = ("examples/demo.sh", "examples/browser/run.sh", "tests/run.sh")
SCRIPTS += tuple(f"tests/{folder}/run.sh" for folder in ("bench", "interop", "livekit", "recorder", "sframe"))
# Names of others, with a hyphen as ours have it.
OTHERS = {
    "config-interval", "do-timestamp", "firefox-esr", "from-browser", "to-browser", "gst-plugin-webrtc", "libipsec-mb-dev", "libipsec-mb1", "livekit-server",
    "max-stap", "packetization-mode",
    "participant-info", "profile-level-id", "sps-pps-idr-in-keyframe", "track-info",
    "x-google-min-bitrate",
}  # fmt: skip


def check_links(page):
    broken = []
    for line, link in page.links():
        target, _, anchor = link.partition("#")
        if re.match(r"\w+:", target):
            continue
        path = (page.path.parent / target).resolve() if target else page.path
        if path.is_dir():
            path /= "README.md"
        if not path.exists():
            broken.append(f"line {line}: there is no {target}")
        elif anchor and anchor not in Markdown(path).anchors():
            broken.append(f"line {line}: {path.name} has no heading #{anchor}")
    if broken:
        raise Fault("\n".join(broken))


def check_names(page):
    unknown = []
    for line, text in page.inline():
        unknown += [f"line {line}: {name}: {why}" for name, why in unknown_in(text, page)]
    if unknown:
        raise Fault("\n".join(unknown))


def unknown_in(text, page):
    if text.startswith(("--", *SCRIPTS, *programs())):
        for option in set(OPTION.findall(text)) - options():
            yield option, "no program has this option"
    for name in re.findall(r"\bGstE2EE\w+|\b(?:gst_e2ee|GST_E2EE)_\w+|\b\w+(?=\(\))", text):
        if name not in words():
            yield name, "no source has this name"
    for name in re.findall(r"\bGstE2EE\.(\w+)", text):
        if f"GstE2EE{name}" not in words():
            yield name, "the library has no such type"
    word = text.split("=")[0]
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|(rtp)?e2ee\w+", word) and word not in quoted():
        yield word, "no element, property, signal or word of ours; OTHERS in tests/docs/names.py has others'"
    path = text.split()[0]
    if SOURCE.match(path) or "/" in path and path.split("/")[0] in FOLDERS:
        if not exists(path, page):
            yield path, "no such file"


def exists(path, page):
    """From the root, from the page or in any folder."""
    for folder in (ROOT, page.path.parent):
        if any(folder.glob(path.rstrip("/"))):
            return True
    return any(file.match(path) or file.match(f"{path}.in") for file in files())


@functools.cache
def files():
    """Without those that were built or belong to others."""
    found, folders = [], [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            if path.is_file():
                found.append(path)
            elif not path.is_symlink() and not path.name.startswith((".", "build", "node_modules")):
                folders.append(path)
    return found


@functools.cache
def sources():
    suffixes = {".c", ".cpp", ".h", ".py", ".in"}
    return "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in files()
        if path.suffix in suffixes and not path.is_relative_to(HERE)
    )


@functools.cache
def words():
    """All identifiers, those of methods without their prefix too: set_key of ..._set_key."""
    found = set(re.findall(r"\w+", sources()))
    methods = {word for word in found if word.startswith("gst_e2ee_")}
    return found | {"_".join(m.split("_")[n:]) for m in methods for n in range(3, m.count("_") + 1)}


@functools.cache
def quoted():
    return OTHERS.union(programs(), re.findall(r'"([a-z0-9_-]+)"', sources()))


@functools.cache
def options():
    return set().union(*(options_of(program) for program in (*SCRIPTS, *programs())))
