# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hides GStreamer's own Python overrides from every Python with this folder in PYTHONPATH.

Debian has them in python3-gst-1.0. Examples and tests must do without, wherever they run.
"""

import sys

for name in ("Gst", "GstAnalytics", "GstAudio", "GstPbutils", "GstVideo"):
    sys.modules[f"gi.overrides.{name}"] = None
