// SPDX-License-Identifier: LGPL-2.1-or-later
// The page: a form, what is received, and what both ends say about it.
import { Call } from './call.js';
import { openSource } from './media.js';
import {
  FINE, LOCAL_EMPTY, LOST, MATCH, NO_CONNECTION, NO_PAIR, REFUSALS, REMOTE_EMPTY, STATES, TAKEN,
} from './words.js';

const POLL_MS = 500;
const ENOUGH = 5; // frames that are refused, and none decrypted, before the key is called wrong
const MEDIA = ['video', 'audio'];
const KINDS = { true: 'good', false: 'bad', null: 'idle' };
const $ = (id) => document.getElementById(id);

let call = null;
let source = null;
let report = null;

/** Live regions speak only when something changed. */
function write(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function tell(id, kind, text) {
  write(id, text);
  $(id).dataset.kind = kind;
}

// ---- What is known -----------------------------------------------------------------------------

const counted = (what) => call?.counts[what] ?? { done: 0, failed: 0, last: null };

/** Why GStreamer's frames are refused, or null. */
function refusal() {
  const all = MEDIA.map((media) => counted(`decode ${media}`));
  const last = all.find((entry) => entry.failed >= ENOUGH && entry.last)?.last;
  return last ? REFUSALS[last] ?? last : null;
}

const isDecrypting = () => !refusal() && counted('decode video').done > 0;

const stateOf = (media) => report?.states[`received-${media}`]?.state;

/** What GStreamer says of this page's frames when it cannot decrypt them, or null. */
function complaint() {
  const state = MEDIA.map(stateOf).find((text) => text && !FINE.includes(text));
  return state ? STATES[state] ?? state : null;
}

function keysMatch() {
  if (!call?.fingerprint || !call.otherFingerprint) return null;
  return call.fingerprint === call.otherFingerprint;
}

// ---- What is shown -----------------------------------------------------------------------------

function showState() {
  const { state } = call;
  if (['disconnected', 'failed'].includes(state)) {
    return tell('state', 'bad', 'The connection is interrupted.');
  }
  if (state !== 'connected') {
    return call.hasNoPair ? tell('state', 'bad', NO_PAIR) : tell('state', 'idle', 'Connecting …');
  }
  const why = keysMatch() === false ? REFUSALS['decryption failed'] : refusal();
  if (why) return tell('state', 'bad', `Connected, but nothing can be decrypted: ${why}.`);
  if (!isDecrypting()) return tell('state', 'idle', 'Connected, waiting for a picture …');
  if (complaint()) {
    return tell('state', 'bad', `This page decrypts, but GStreamer cannot. ${complaint()}`);
  }
  if (!report?.streams['received-video']?.['frames-out']) {
    return tell('state', 'idle',
      'Connected; this page decrypts, GStreamer waits for a picture …');
  }
  return tell('state', 'good', 'Connected and encrypted end to end, in both directions.');
}

function showKeys() {
  write('fingerprint-here', call?.fingerprint ?? '–');
  write('fingerprint-there', call?.otherFingerprint ?? '–');
  tell('match', KINDS[keysMatch()], MATCH[keysMatch()]);
}

function showPictures() {
  const why = refusal();
  if ($('refused').hidden === Boolean(why)) $('refused').hidden = !why;
  if (why) write('refused', `Cannot decrypt: ${why}`);
  const which = call ? 'waiting' : 'none';
  for (const [id, filled, empty] of [
    ['remote', isDecrypting(), REMOTE_EMPTY], ['local', source !== null, LOCAL_EMPTY],
  ]) {
    $(id).style.visibility = filled ? 'visible' : 'hidden';
    write(`${id}-empty`, filled || (id === 'remote' && why) ? '' : empty[which]);
  }
}

function showFrames() {
  const stream = (name, media) => report?.streams[`${name}-${media}`] ?? {};
  const drops = (media) => Object.entries(stream('received', media))
    .reduce((sum, [name, count]) => sum + (name.startsWith('dropped-') ? count : 0), 0);
  const values = {
    sent: (media) => stream('sent', media)['frames-out'] ?? 0,
    decode: (media) => counted(`decode ${media}`).done,
    refused: (media) => counted(`decode ${media}`).failed,
    encode: (media) => counted(`encode ${media}`).done,
    received: (media) => stream('received', media)['frames-out'] ?? 0,
    dropped: drops,
    state: (media) => STATES[stateOf(media)] ?? stateOf(media) ?? '–',
  };
  for (const [name, value] of Object.entries(values)) {
    document.querySelectorAll(`[data-of=${name}]`).forEach((cell, at) => {
      cell.textContent = value(MEDIA[at]);
    });
  }
}

function show() {
  if (call) showState();
  showKeys();
  showPictures();
  showFrames();
}

/** The form before a call, what was chosen in it during one. */
function arrange() {
  const chosen = ['scheme', 'codec'].map((id) => $(id).selectedOptions[0].textContent);
  write('chosen', call ? chosen.join(', ') : '');
  document.body.classList.toggle('calling', call !== null);
  $('form').hidden = call !== null;
  $('leave').hidden = call === null;
  $('back').hidden = true;
}

// ---- Joining and leaving -----------------------------------------------------------------------

/** Nothing that was true in the call is claimed after it. */
function leave(kind = 'idle', why = 'Not connected.') {
  call?.close();
  source?.stop();
  call = source = report = null;
  $('remote').srcObject = $('local').srcObject = null;
  const lost = [document.body, $('leave')].includes(document.activeElement);
  arrange();
  if (lost) $('key').focus();
  tell('state', kind, why);
  tell('note', 'idle', '');
  show();
}

function end(error) {
  if (!error.taken) {
    leave('bad', `${call?.id ? 'The call has ended' : 'Cannot call'}: ${error.message}`);
    return;
  }
  leave('bad', TAKEN);
  $('back').hidden = false;
  if (document.activeElement === $('key')) $('back').focus();
}

/** The connection is gone; the server may know why. */
async function fail(mine) {
  try {
    await mine.ask();
    await mine.look();
    if (call !== mine) return;
    if (mine.wasConnected) leave('bad', LOST);
    else leave('bad', mine.hasNoPair ? NO_PAIR : NO_CONNECTION);
  } catch (error) {
    if (call === mine) end(error);
  }
}

/** Asks GStreamer as long as this call lasts. */
async function talk(mine) {
  const opened = await openSource($('source').value);
  if (call !== mine) {
    opened.stop();
    return;
  }
  source = opened;
  mine.stream = $('local').srcObject = source.stream;
  tell('note', 'idle', source.note ?? '');
  show();
  await mine.connect();
  if (call === mine) $('remote').srcObject = new MediaStream(mine.tracks());
  while (call === mine) {
    const answer = await mine.ask();
    if (call !== mine) return;
    report = answer;
    if (report.error) throw new Error(`GStreamer: ${report.error}`);
    show();
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}

async function join() {
  let mine = null;
  try {
    mine = call = new Call({
      scheme: $('scheme').value, codec: $('codec').value, key: $('key').value,
    });
    arrange();
    $('leave').focus();
    tell('state', 'idle', 'Connecting …');
    show();
    mine.addEventListener('change', () => {
      if (call !== mine) return;
      if (mine.state === 'failed') fail(mine);
      else show();
    });
    await Promise.race([mine.broken, talk(mine)]);
  } catch (error) {
    if (call === mine) end(error);
  }
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!call) join();
});
$('leave').addEventListener('click', () => leave());
$('back').addEventListener('click', () => $('form').requestSubmit());
$('show-key').addEventListener('change', ({ target }) => {
  $('key').type = target.checked ? 'text' : 'password';
});
$('sound').addEventListener('change', ({ target }) => { $('remote').muted = !target.checked; });
window.addEventListener('pagehide', () => call?.close());
arrange();
show();
