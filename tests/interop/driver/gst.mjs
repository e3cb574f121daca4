// SPDX-License-Identifier: LGPL-2.1-or-later
import { fileURLToPath } from 'node:url';
import { LinePeer } from './lines.mjs';

const PROGRAM = fileURLToPath(new URL('../peer/main.py', import.meta.url));

export class GstPeer extends LinePeer {
  constructor(log) {
    super(['/usr/bin/python3', '-B', PROGRAM], { called: 'GStreamer', log });
  }
}
