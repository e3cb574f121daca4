// SPDX-License-Identifier: LGPL-2.1-or-later
import { ClientParty } from './party.mjs';
import { Publisher, Recorder } from './programs.mjs';
import { WebRTCSrc } from './webrtcsrc.mjs';

const OURS = { recorder: Recorder, publish: Publisher, webrtcsrc: WebRTCSrc };

/** See party.mjs; `who.program`: one of ours, or a client. */
export const makeParty = (bench, who) => new (OURS[who.program] ?? ClientParty)(bench, who);
