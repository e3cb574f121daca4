// SPDX-License-Identifier: LGPL-2.1-or-later
// build/livekit.json, or that of other cells
import { Report, rounded } from '../../interop/driver/report.mjs';

export class LiveKitReport extends Report {
  row({ cell, ...result }) {
    if (!cell.direction) return null; // clients among themselves
    return {
      client: cell.client, keys: cell.settings, codec: cell.codec, direction: cell.direction,
      passed: result.passed, frames: result.frames, wrong_key_frames: result.wrong_key_frames,
      rotated: result.rotated, seconds: rounded(result.seconds),
    };
  }
}
