# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Python programs need: typelibs and elements. What is missing ends the program with status
2, and with what helps.

A program reads its arguments before it calls typelibs(), so that --help needs nothing.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES = {
    "Gst": "gir1.2-gstreamer-1.0",
    "GstSdp": "gir1.2-gst-plugins-base-1.0",
    "GstWebRTC": "gir1.2-gst-plugins-bad-1.0",
    "Soup": "gir1.2-soup-3.0",
}
VERSIONS = {"Soup": "3.0"}  # all others are 1.0
DEVENV = f"run it under: meson devenv -C {ROOT}/build -w ."


def version():
    return re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text(encoding="utf-8")).group(1)


def give_up(text):
    print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr)
    raise SystemExit(2)


def install(package):
    return f"install the Debian package {package}"


def typelibs(*names):
    """gi.require_version() for each of these namespaces."""
    try:
        import gi  # pylint: disable=import-outside-toplevel
    except ImportError:
        give_up(f"Python's gi is missing: {install('python3-gi')}, and use /usr/bin/python3")
    for name in names:
        version_of = VERSIONS.get(name, "1.0")
        try:
            gi.require_version(name, version_of)
        except ValueError:
            helps = install(PACKAGES[name]) if name in PACKAGES else DEVENV
            give_up(f"the typelib {name}-{version_of} is missing: {helps}")


def package_of(element):
    """Debian's; None: this project's own, or not known."""
    table = (HERE / "packages.inc").read_text(encoding="utf-8")
    for package, *elements in re.findall(r'\{"([^"]+)",([^}]+)\}', table):
        if element in " ".join(elements).replace('"', " ").split():
            return package
    return None


def elements(*names):
    """After Gst.init()."""
    from gi.repository import Gst  # pylint: disable=import-outside-toplevel

    missing = {}
    for name in names:
        if Gst.ElementFactory.find(name) is None:
            package = package_of(name)
            helps = install(package) if package else f"export GST_PLUGIN_PATH={ROOT}/build/plugins/e2ee"
            missing.setdefault(helps, []).append(name)
    if missing:
        lines = (f"\n  {', '.join(found)}: {helps}" for helps, found in missing.items())
        give_up(f"GStreamer lacks elements that are needed here:{''.join(lines)}")
