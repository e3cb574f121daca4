// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of examples/browser, used as people use it: typed into, read, and left.
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import path from 'node:path';
import { PICTURES, STEP_MS } from './cell.mjs';
import { Example } from './example.mjs';
import { sleep } from './process.mjs';

const FIRST_MS = 15000; // starting encoders and deriving keys on a busy machine included
const WATCH_MS = 1000; // in which nothing may appear
const VIEW = { width: 960, height: 1150 };
const PASSPHRASE = `page ${randomBytes(12).toString('hex')}`;

function expect(condition, what) {
  if (!condition) throw new Error(what);
}

// ---- In the page

/** Where GStreamer's ball is on its ground, in 64ths of the width; null: another picture. */
function findBall() {
  const video = document.querySelector('#remote');
  if (!video.videoWidth || getComputedStyle(video).visibility === 'hidden') return null;
  const canvas = new OffscreenCanvas(64, 36);
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 64, 36);
  const { data } = context.getImageData(0, 0, 64, 36);
  const near = (at, colour) => colour.every((want, i) => Math.abs(data[at * 4 + i] - want) < 45);
  let ground = 0;
  const ball = [];
  for (let at = 0; at < 64 * 36; at++) {
    if (near(at, [0x16, 0x32, 0x4f])) ground++;
    else if (near(at, [0xf2, 0xa5, 0x41])) ball.push(at % 64);
  }
  if (ground < 64 * 36 * 0.7 || ball.length < 3) return null;
  return ball.reduce((sum, x) => sum + x, 0) / ball.length;
}

const textsOf = (page) => page.evaluate(() => {
  const read = (id) => document.getElementById(id).textContent.trim();
  const cells = (name) => [...document.querySelectorAll(`[data-of=${name}]`)].map(
    ({ textContent }) => textContent);
  return {
    state: read('state'), note: read('note'), match: read('match'),
    here: read('fingerprint-here'), there: read('fingerprint-there'),
    refusedShown: !document.getElementById('refused').hidden, refusedText: read('refused'),
    decoded: cells('decode').map(Number), refused: cells('refused').map(Number),
    received: cells('received').map(Number), dropped: cells('dropped').map(Number),
    states: cells('state'),
  };
});

// ---- A visit

class Visit {
  static async open(bench, self, { scripts = true } = {}) {
    const visit = new Visit();
    bench.example ??= await Example.start({ passphrase: PASSPHRASE });
    Object.assign(visit, { example: bench.example, self, sent: [], problems: [] });
    visit.page = await bench.browser.chromium.newPage({ viewport: VIEW });
    visit.page.setDefaultTimeout(STEP_MS);
    visit.page.on('pageerror', (error) => visit.problems.push(String(error)));
    visit.page.on('console', (message) => { // what the CSP forbids is told there
      const refused = message.text().includes('ERR_CONNECTION_REFUSED');
      if (message.type() === 'error' && !(refused && visit.serverGone)) {
        visit.problems.push(message.text());
      }
    });
    visit.page.on('request', (sent) => visit.sent.push(`${sent.url()} ${sent.postData() ?? ''}`));
    if (!scripts) await visit.page.addInitScript(() => { delete window.RTCRtpScriptTransform; });
    await visit.page.goto(visit.example.url);
    return visit;
  }

  async join({ scheme, codec, key, source = 'test' }) {
    const { page } = this;
    await page.selectOption('#scheme', scheme);
    await page.selectOption('#codec', codec);
    await page.selectOption('#source', source);
    await page.fill('#key', key);
    await page.click('#connect');
  }

  until(what, check) {
    return this.self.until(what, FIRST_MS, async () => {
      const texts = await textsOf(this.page);
      return check(texts) || texts;
    });
  }

  /** The ball is seen in that many places. */
  async pictures(places = 3) {
    const seen = new Set();
    await this.self.until('the picture in the page', FIRST_MS, async () => {
      const at = await this.page.evaluate(findBall);
      if (at !== null) seen.add(Math.round(at));
      return seen.size >= places || [...seen];
    });
  }

  /** Everything is as it should be with the right key; answers what the page shows. */
  async works() {
    await this.until('both ends decrypting', ({ state, received, decoded }) =>
      state.startsWith('Connected and encrypted end to end')
      && [...received, ...decoded].every((count) => count >= PICTURES));
    await this.pictures();
    const texts = await textsOf(this.page);
    expect(/^([0-9a-f]{4}-){4}[0-9a-f]{4}$/.test(texts.here), `no fingerprint: ${texts.here}`);
    expect(texts.here === texts.there, `fingerprints ${texts.here} and ${texts.there}`);
    expect(texts.match.startsWith('They are the same'), `the page says: ${texts.match}`);
    expect(this.example.output.includes(texts.here), 'the terminal shows another fingerprint');
    expect(!texts.refusedShown, 'the page refuses the picture');
    const lost = [...texts.refused, ...texts.dropped].reduce((sum, count) => sum + count);
    expect(lost === 0, `${lost} frames refused`);
    return texts;
  }

  async keyStays(key) {
    const stored = await this.page.evaluate(() => JSON.stringify(
      [{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]));
    const secret = [key, encodeURIComponent(key)];
    expect(![...this.sent, stored].some((text) => secret.some((form) => text.includes(form))),
      'the key left the page, or is stored');
    expect(this.sent.length > 3, 'no requests were seen');
  }

  async leave() {
    await this.page.click('#leave');
    await this.until('the end of the call', ({ state }) => state === 'Not connected.');
  }

  async close() {
    await this.page.close();
    expect(this.problems.length === 0, `the page complains: ${this.problems[0]}`);
  }
}

async function visiting(bench, self, options, run) {
  const visit = await Visit.open(bench, self, options);
  try {
    await run(visit);
  } catch (error) {
    error.message += ` (${visit.problems.slice(0, 2).join('; ')})`;
    visit.problems = [];
    await visit.close();
    throw error;
  }
  await visit.close();
}

// ---- The cells

const rightKey = (scheme, codec, options, name = codec) => async (self, result, bench) => {
  await visiting(bench, self, options, async (visit) => {
    const started = Date.now();
    await visit.join({ scheme, codec, key: PASSPHRASE, source: options?.source });
    await visit.pictures(1);
    result.seconds = (Date.now() - started) / 1000;
    const texts = await visit.works();
    result.frames = texts.received[0];
    await visit.keyStays(PASSPHRASE);
    const picture = path.join(bench.build, `interop-page-${scheme}-${name}.png`);
    await visit.page.screenshot({ path: picture });
    await visit.leave();
  });
};

/** Refused in words at both ends, without a picture; the right key then works in the same page. */
const wrongKey = (scheme) => async (self, result, bench) => {
  await visiting(bench, self, {}, async (visit) => {
    const wrong = `${PASSPHRASE}.`;
    await visit.join({ scheme, codec: 'vp8', key: wrong });
    await visit.until('refusal', ({ state, refusedShown, refused, dropped, states }) =>
      state.includes('nothing can be decrypted: GStreamer has another key') && refusedShown
      && refused.every((count) => count >= PICTURES) && dropped.every((count) => count >= PICTURES)
      && states.every((text) => text === 'decryption-failed'));
    await sleep(WATCH_MS);
    const texts = await textsOf(visit.page);
    expect(texts.match.startsWith('They differ'), `the page says: ${texts.match}`);
    expect(texts.here !== texts.there, 'the fingerprints are the same');
    expect(texts.refusedText.startsWith('Cannot decrypt: other key'), texts.refusedText);
    expect(await visit.page.isVisible('#refused'), 'the refusal is not visible');
    expect([...texts.decoded, ...texts.received].every((count) => count === 0),
      'frames were decrypted with a wrong key');
    const shown = await visit.page.evaluate(
      () => document.querySelector('#remote').getVideoPlaybackQuality().totalVideoFrames);
    expect(shown === 0, `${shown} frames shown`);
    expect(visit.example.output.includes('received-video: decryption-failed'),
      'the terminal says nothing');
    await visit.keyStays(wrong);
    const picture = path.join(bench.build, `interop-page-${scheme}-wrong.png`);
    await visit.page.screenshot({ path: picture });
    await visit.leave();
    await visit.join({ scheme, codec: 'vp8', key: PASSPHRASE });
    result.frames = (await visit.works()).received[0];
  });
};

/** With nothing but keys: all controls are reached in order and say what they are. */
async function keyboard(self, result, bench) {
  await visiting(bench, self, {}, async (visit) => {
    const { keyboard: keys } = visit.page;
    const focused = () => visit.page.evaluate(() => {
      const { activeElement: at } = document;
      const name = at.labels?.[0]?.textContent.trim() || at.textContent.trim();
      const style = getComputedStyle(at);
      const ring = style.outlineStyle !== 'none' && style.outlineWidth !== '0px';
      return { id: at.id, name, ring };
    });
    const at = async (id) => {
      const { id: found, name, ring } = await focused();
      expect(found === id, `${found || 'nothing'} has the focus, not ${id}`);
      expect(name, `${id} has no name`);
      expect(ring, `one does not see that ${id} has the focus`);
    };
    await at('key');
    await keys.type(PASSPHRASE);
    for (const id of ['show-key', 'scheme', 'codec', 'source']) {
      await keys.press('Tab');
      await at(id);
    }
    await keys.press('End'); // the test picture, the last of the choices
    for (let back = 0; back < 4; back++) await keys.press('Shift+Tab');
    await at('key');
    await keys.press('Enter');
    result.frames = (await visit.works()).received[0];
    await at('leave');
    await keys.press('Enter');
    await visit.until('the end of the call', ({ state }) => state === 'Not connected.');
    await at('key');
  });
}

function fetchAs(url, headers, method = 'GET') {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    sent.on('error', reject);
    sent.end(method === 'POST' ? '{"scheme": "sframe", "codec": "vp8"}' : undefined);
  });
}

/** A key that is drawn, a port that is taken, other sites, Ctrl-C in the middle of a call. */
async function script(self, result, bench) {
  const example = await Example.start();
  try {
    const [, key] = example.output.match(/^Key: (\S+)$/m);
    const taken = await Example.start({ port: new URL(example.url).port });
    await taken.child.exited;
    expect(await taken.close() === 2, `a port that is taken: exit status ${taken.child.exitCode}`);
    const { host } = new URL(example.url);
    const calls = `${example.url}calls`;
    for (const [headers, want] of [
      [{ Host: host }, 200], [{ Host: 'example.org' }, 403],
      [{ Host: host, Origin: 'http://example.org' }, 403],
    ]) {
      const status = await fetchAs(want === 200 ? example.url : calls, headers,
        want === 200 ? 'GET' : 'POST');
      expect(status === want, `${JSON.stringify(headers)} is answered with ${status}`);
    }
    expect(await fetchAs(`${example.url}server.py`, { Host: host }) === 404, 'server.py is served');
    await visiting({ ...bench, browser: bench.browser, example }, self, {}, async (visit) => {
      await visit.join({ scheme: 'livekit', codec: 'vp8', key });
      result.frames = (await visit.works()).received[0];
      visit.serverGone = true; // requests of the page may be refused at any time from here on
      expect(await example.close() === 0, `exit status ${example.child.exitCode} after Ctrl-C`);
      expect(example.output.split(key).length === 2, 'the key is shown more than once');
      await visit.until('the end', ({ state }) => state.startsWith('The call has ended'));
    });
  } finally {
    await example.close();
  }
}

const cell = (name, peer, codec, run) => ({
  name: `page/${name}`, peer, codec, direction: 'to-browser', sfu: false, api: 'script', run,
});

export function pageCells() {
  const schemes = ['sframe', 'livekit', 'realtimekit', 'jitsi'];
  return [
    ...schemes.flatMap((scheme) => ['vp8', 'vp9'].map(
      (codec) => cell(`${scheme}/${codec}/right-key`, scheme, codec, rightKey(scheme, codec)))),
    ...schemes.map((scheme) => cell(`${scheme}/vp8/wrong-key`, scheme, 'vp8', wrongKey(scheme))),
    cell('sframe/vp8/camera', 'sframe', 'vp8',
      rightKey('sframe', 'vp8', { source: 'camera' }, 'camera')),
    cell('livekit/vp8/streams', 'livekit', 'vp8',
      rightKey('livekit', 'vp8', { scripts: false }, 'streams')),
    cell('sframe/vp8/keyboard', 'sframe', 'vp8', keyboard),
    cell('livekit/vp8/run.sh', 'livekit', 'vp8', script),
  ];
}
