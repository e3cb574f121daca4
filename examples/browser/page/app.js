// SPDX-License-Identifier: LGPL-2.1-or-later
// The page: a form, what is received, and what both ends say about it.
import { Call } from './call.js';
import { openSource } from './media.js';

const POLL_MS = 500;
const ENOUGH = 5; // frames that are refused, and none decrypted, before the key is called wrong
const MEDIA = ['video', 'audio'];
const $ = (id) => document.getElementById(id);

let call = null;
let source = null;
let report = null;

/** Live regions speak only when something changed. */
function tell(id, kind, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
  element.dataset.kind = kind;
}

// ---- What is known -----------------------------------------------------------------------------

const counted = (what) => call?.counts[what] ?? { done: 0, failed: 0, last: null };

/** Good frames come, bad ones, or none so far. */
function decrypting() {
  const all = MEDIA.map((media) => counted(`decode ${media}`));
  if (all.some(({ failed, last }) => failed >= ENOUGH && last)) return 'no';
  return counted('decode video').done > 0 ? 'yes' : 'unknown';
}

function gstreamerDecrypts() {
  const states = MEDIA.map((media) => report?.states[`received-${media}`]?.state);
  if (states.some((state) => state && state !== 'ok')) return 'no';
  return report?.streams['received-video']?.['frames-out'] > 0 ? 'yes' : 'unknown';
}

function keysMatch() {
  if (!call?.fingerprint || !call.otherFingerprint) return null;
  return call.fingerprint === call.otherFingerprint;
}

// ---- What is shown -----------------------------------------------------------------------------

function showState() {
  const { state } = call;
  if (state === 'failed') return tell('state', 'bad', 'The connection is lost.');
  if (state === 'disconnected') return tell('state', 'bad', 'The connection is interrupted.');
  if (state !== 'connected') return tell('state', 'idle', 'Connecting …');
  if (keysMatch() === false || decrypting() === 'no') {
    return tell('state', 'bad',
      'Connected, but nothing can be decrypted: GStreamer has another key.');
  }
  if (decrypting() === 'unknown') return tell('state', 'idle', 'Connected, waiting for a picture …');
  if (gstreamerDecrypts() === 'no') {
    return tell('state', 'bad', 'This page decrypts; GStreamer cannot decrypt what it gets.');
  }
  if (gstreamerDecrypts() === 'unknown') {
    return tell('state', 'idle',
      'Connected; this page decrypts, GStreamer waits for a picture …');
  }
  return tell('state', 'good', 'Connected and encrypted end to end, in both directions.');
}

function showKeys() {
  $('fingerprint-here').textContent = call.fingerprint ?? '–';
  $('fingerprint-there').textContent = call.otherFingerprint ?? '–';
  const match = keysMatch();
  if (match === true) tell('match', 'good', 'They are the same: both have the same key.');
  if (match === false) tell('match', 'bad', 'They differ: the keys are not the same.');
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
    state: (media) => report?.states[`received-${media}`]?.state ?? '–',
  };
  for (const [name, value] of Object.entries(values)) {
    document.querySelectorAll(`[data-of=${name}]`).forEach((cell, at) => {
      cell.textContent = value(MEDIA[at]);
    });
  }
}

function show() {
  if (!call) return;
  showState();
  showKeys();
  showFrames();
  const refused = decrypting() === 'no';
  if ($('refused').hidden === refused) $('refused').hidden = !refused;
  $('remote').style.visibility = refused ? 'hidden' : 'visible';
}

// ---- Joining and leaving -----------------------------------------------------------------------

function enable(connected) {
  $('choices').disabled = $('connect').disabled = connected;
  $('leave').disabled = !connected;
}

function leave(kind = 'idle', why = 'Not connected.') {
  call?.close();
  source?.stop();
  call = source = report = null;
  $('remote').srcObject = $('local').srcObject = null;
  $('refused').hidden = true;
  enable(false);
  if ([document.body, $('leave')].includes(document.activeElement)) $('key').focus();
  tell('state', kind, why);
  tell('note', 'idle', '');
}

/** Asks GStreamer as long as this call lasts. */
async function watch(mine) {
  while (call === mine) {
    try {
      report = await mine.ask();
      if (call !== mine) return;
      if (report.error) throw new Error(`GStreamer: ${report.error}`);
    } catch (error) {
      if (call === mine) leave('bad', `The call has ended: ${error.message}`);
      return;
    }
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
    enable(true);
    tell('state', 'idle', 'Connecting …');
    tell('match', 'idle', '');
    mine.addEventListener('change', () => call === mine && show());
    const opened = await openSource($('source').value);
    if (call !== mine) {
      opened.stop();
      return;
    }
    source = opened;
    mine.stream = $('local').srcObject = source.stream;
    tell('note', 'idle', source.note ?? '');
    await mine.connect();
    if (call !== mine) return;
    $('remote').srcObject = new MediaStream(mine.tracks());
    $('leave').focus();
    await watch(mine);
  } catch (error) {
    if (call === mine) leave('bad', `Cannot call: ${error.message}`);
  }
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!call) join();
});
$('leave').addEventListener('click', () => leave());
$('show-key').addEventListener('change', ({ target }) => {
  $('key').type = target.checked ? 'text' : 'password';
});
$('sound').addEventListener('change', ({ target }) => { $('remote').muted = !target.checked; });
window.addEventListener('pagehide', () => call?.close());
showFrames();
