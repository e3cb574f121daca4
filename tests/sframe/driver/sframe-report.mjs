// SPDX-License-Identifier: LGPL-2.1-or-later
// build/sframe.json, whose rows are those of build/interop.json and a few words more.
import { Report, rounded } from '../../interop/driver/report.mjs';

export class SFrameReport extends Report {
  constructor(build, options) {
    super(build, 'sframe', options);
  }

  row({ cell, ...result }) {
    if (cell.run) return null;
    return {
      peer: 'sframe', client: 'native', api: 'native', codec: cell.codec,
      direction: cell.direction, sfu: false, passed: result.passed, frames: result.frames,
      wrong_key_frames: result.wrong_key_frames, rotated: result.rotated,
      seconds: rounded(result.seconds), suite: cell.suite, per_ssrc: cell.perSsrc,
      per_packet: cell.perPacket, fault: cell.fault ?? null,
    };
  }
}
