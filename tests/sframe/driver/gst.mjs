// SPDX-License-Identifier: LGPL-2.1-or-later
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { LinePeer } from '../../interop/driver/lines.mjs';

const PROGRAM = fileURLToPath(new URL('../gst/main.py', import.meta.url));

/** GStreamer, in a process of its own. */
export class GstPeer extends LinePeer {
  constructor(build, log) {
    const checker = path.join(build, 'tests', 'sframe', 'e2ee-sframe-sdp');
    super(['/usr/bin/python3', '-B', PROGRAM, checker], { called: 'GStreamer', log });
  }
}
