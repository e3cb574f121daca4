#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The public API is documented: the installed headers, the GIR made of them, and the elements.

Needs the environment that test_gi.py needs: meson devenv -C build -w .
"""

import os
import re
import shlex
import subprocess
import unittest
from pathlib import Path
from xml.etree import ElementTree

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
HEADERS = ROOT / "gst" / "e2ee"
ELEMENTS = ("e2eeencrypt", "e2eedecrypt", "rtpe2eepay", "rtpe2eedepay", "e2eevp9split", "e2eevp9merge", "e2eereddec")

CORE = "{http://www.gtk.org/introspection/core/1.0}"
SIGNAL = "{http://www.gtk.org/introspection/glib/1.0}signal"
# What Since belongs to; the members of an enum and the fields of a structure come with it.
SYMBOLS = {
    SIGNAL,
    *(
        CORE + tag
        for tag in (
            "bitfield callback class constant constructor enumeration function interface method "
            "property record virtual-method"
        ).split()
    ),
}
PARTS = {CORE + tag for tag in ("field", "member", "parameter", "instance-parameter", "return-value")}

COMMENT = re.compile(r"/\*\*\n(.*?)\*/", re.DOTALL)
DECLARATION = re.compile(r"^[\w *]*?\b(gst_e2ee_\w+)\(", re.MULTILINE)
MACRO = re.compile(r"^#define (GST_\w+)", re.MULTILINE)
SINCE = re.compile(r"^\s*\* Since: \d+\.\d+$", re.MULTILINE)


def gir():
    """Of the build that the typelib is taken from."""
    for folder in os.environ.get("GI_TYPELIB_PATH", "").split(os.pathsep):
        path = Path(folder) / "GstE2EE-1.0.gir"
        if folder and path.is_file():
            return ElementTree.parse(path).getroot().find(CORE + "namespace")
    raise unittest.SkipTest("there is no GstE2EE-1.0.gir beside the typelib")


def headers():
    """Those that are installed."""
    names = re.search(r"^headers = files\((.*?)\)", (HEADERS / "meson.build").read_text(), re.DOTALL | re.MULTILINE)
    return [HEADERS / name for name in re.findall(r"'([\w.-]+)'", names.group(1))]


def doc_blocks(*paths):
    """Text of the documentation by what it is about."""
    blocks = {}
    for path in paths:
        for match in COMMENT.finditer(path.read_text(encoding="utf-8")):
            name = re.match(r"\s*\* ([\w:-]+?):?(?: \(.*\))?\n", match.group(1))
            if name:
                blocks[name.group(1)] = match.group(1)[name.end() :]
    return blocks


def says_something(block):
    """Beyond parameters and tags."""
    lines = [line.strip().lstrip("*").strip() for line in block.splitlines()]
    return any(line and not re.match(r"@\w+:|Since:", line) for line in lines)


class Introspection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.namespace = gir()

    def walk(self, node, path):
        """All symbols and their parts, apart from those that GObject makes and private ones."""
        for child in node:
            name = child.get("name") or child.tag.rpartition("}")[2]
            if name.endswith("_get_type") or name.startswith("_") or child.get("disguised") == "1":
                continue
            if child.tag == CORE + "field" and child.find(CORE + "callback") is not None:
                continue  # a function of an interface, documented as the virtual method
            if child.tag == CORE + "record" and name.endswith("Class"):
                continue
            if child.tag in SYMBOLS | PARTS:
                yield child, f"{path}.{name}"
            yield from self.walk(child, f"{path}.{name}")

    def test_every_symbol_has_documentation_and_since(self):
        seen = set()
        for node, path in self.walk(self.namespace, "GstE2EE"):
            seen.add(node.tag)
            is_void = node.tag == CORE + "return-value" and node.find(f"{CORE}type[@name='none']") is not None
            with self.subTest(path):
                if not is_void:
                    self.assertIsNotNone(node.find(CORE + "doc"), "no documentation")
                if node.tag in SYMBOLS:
                    self.assertIsNotNone(node.get("version"), "no Since")
        self.assertLessEqual({SIGNAL, CORE + "property", CORE + "virtual-method", CORE + "parameter"}, seen)

    def test_participants_and_answers_may_be_null(self):
        provider = self.namespace.find(f"{CORE}interface[@name='KeyProvider']")
        for tag in (CORE + "method", CORE + "virtual-method", SIGNAL):
            for node in provider.findall(tag):
                parameters = node.findall(f"{CORE}parameters/{CORE}parameter[@name='participant']")
                for parameter in parameters:
                    self.assertEqual(parameter.get("nullable"), "1", node.get("name"))
                if node.get("name").startswith("lookup"):
                    self.assertTrue(parameters, node.get("name"))
                    self.assertEqual(node.find(CORE + "return-value").get("nullable"), "1", node.get("name"))


class Headers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = {path.name: path.read_text(encoding="utf-8") for path in headers()}
        cls.blocks = doc_blocks(*headers())

    def test_every_function_is_exported_and_documented(self):
        found = 0
        for header, text in self.texts.items():
            code = COMMENT.sub("", text)
            for match in DECLARATION.finditer(re.sub(r"^#define .*", "", code, flags=re.MULTILINE)):
                name = match.group(1)
                found += 1
                with self.subTest(name, header=header):
                    self.assertRegex(code, rf"GST_E2EE_API\s[\w *\n]*?\b{name}\(", "no GST_E2EE_API")
                    if not name.endswith("_get_type"):
                        self.assertIn(name, self.blocks, "no documentation")
        self.assertGreater(found, 40)

    def test_every_macro_is_documented(self):
        for header, text in self.texts.items():
            for name in MACRO.findall(text):
                if name.startswith("GST_TYPE_") or name.endswith(("_API_TYPE", "_E2EE_API")):
                    continue
                with self.subTest(name, header=header):
                    self.assertIn(name, self.blocks)

    def test_every_block_says_something_and_since_when(self):
        self.assertGreater(len(self.blocks), 60)
        for name, block in self.blocks.items():
            with self.subTest(name):
                self.assertTrue(says_something(block))
                self.assertRegex(block, SINCE)


class Elements(unittest.TestCase):
    def test_every_property_is_documented(self):
        Gst.init(None)
        blocks = doc_blocks(*headers(), *sorted((ROOT / "elements").glob("*.cpp")))
        found = 0
        for name in ELEMENTS:
            element = Gst.ElementFactory.make(name, None)
            self.assertIsNotNone(element, name)
            for pspec in element.list_properties():
                owner = pspec.owner_type.name
                if "E2EE" not in owner:
                    continue
                found += 1
                with self.subTest(owner, property=pspec.name):
                    block = blocks.get(f"{owner}:{pspec.name}", "")
                    self.assertTrue(says_something(block), "no documentation")
                    self.assertRegex(block, SINCE)
                if pspec.value_type.is_a(GObject.TYPE_ENUM):
                    with self.subTest(pspec.value_type.name):
                        values = re.findall(r"\* @\S+: \S", blocks.get(pspec.value_type.name, ""))
                        self.assertEqual(len(values), len(pspec.enum_class.__enum_values__))
        self.assertGreater(found, 20)


class Compilers(unittest.TestCase):
    """C and C++ take the header, and are told that the API is unstable."""

    def compile(self, language, *options):
        flags = subprocess.run(
            ["pkg-config", "--cflags", "gstreamer-1.0"], capture_output=True, text=True, check=True
        ).stdout
        return subprocess.run(
            ["cc", "-x", language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}", *options]
            + [*shlex.split(flags), "-"],
            input="#include <gst/e2ee/e2ee.h>\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_the_warning_goes_with_the_macro(self):
        for language in ("c", "c++"):
            with self.subTest(language):
                warned = self.compile(language)
                self.assertNotEqual(warned.returncode, 0)
                self.assertIn("GST_USE_UNSTABLE_API", warned.stderr)
                quiet = self.compile(language, "-DGST_USE_UNSTABLE_API")
                self.assertEqual((quiet.returncode, quiet.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
