// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of examples/browser, used as people use it: typed into, read, and left.
import { randomBytes } from 'node:crypto';
import { PICTURES, STEP_MS } from './cell.mjs';
import { Example } from './example.mjs';

const FIRST_MS = 15000; // starting encoders and deriving keys on a busy machine included
const DESKTOP = { width: 960, height: 1020 };
export const PASSPHRASE = `page ${randomBytes(12).toString('hex')}`;

export function expect(condition, what) {
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

export const textsOf = (page) => page.evaluate(() => {
  const read = (id) => document.getElementById(id).textContent.trim();
  const cells = (name) => [...document.querySelectorAll(`[data-of=${name}]`)].map(
    ({ textContent }) => textContent);
  return {
    state: read('state'), note: read('note'), match: read('match'),
    here: read('fingerprint-here'), there: read('fingerprint-there'),
    refusedShown: !document.getElementById('refused').hidden, refusedText: read('refused'),
    empty: ['remote-empty', 'local-empty'].map(read),
    good: document.querySelectorAll('[data-kind=good]').length,
    sent: cells('sent').map(Number), encoded: cells('encode').map(Number),
    decoded: cells('decode').map(Number), refused: cells('refused').map(Number),
    received: cells('received').map(Number), dropped: cells('dropped').map(Number),
    states: cells('state'),
  };
});

// ---- A visit

export class Visit {
  tolerated = null; // of what the console complains
  sent = [];
  problems = [];

  static async open(bench, self, { scripts = true, viewport = DESKTOP } = {}) {
    const visit = new Visit();
    bench.example ??= await Example.start({ passphrase: PASSPHRASE });
    Object.assign(visit, { example: bench.example, self });
    visit.page = await bench.browser.program.newPage({ viewport });
    visit.page.setDefaultTimeout(STEP_MS);
    visit.page.on('pageerror', (error) => visit.problems.push(String(error)));
    visit.page.on('console', (message) => { // what the CSP forbids is told there
      if (message.type() !== 'error' || visit.tolerated?.test(message.text())) return;
      visit.problems.push(message.text());
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
    expect(texts.states.every((text) => text === 'The frames verify.'), texts.states.join());
    expect(texts.empty.every((text) => text === ''), `over the pictures: ${texts.empty}`);
    const lost = [...texts.refused, ...texts.dropped].reduce((sum, count) => sum + count);
    expect(lost === 0, `${lost} frames refused`);
    return texts;
  }

  /** No call: nothing is claimed, and the pictures say what they are for. */
  async isNeutral() {
    const texts = await textsOf(this.page);
    expect(texts.good === 0, 'something is claimed to be good');
    expect([texts.here, texts.there, ...texts.states].every((text) => text === '–'),
      `of no call: ${[texts.here, texts.there, ...texts.states]}`);
    expect(!/same|differ/.test(texts.match) && !texts.refusedShown, `the page says: ${texts.match}`);
    const counts = ['sent', 'encoded', 'decoded', 'refused', 'received', 'dropped'];
    expect(counts.every((name) => texts[name].every((count) => count === 0)), 'frames of no call');
    expect(texts.empty[0].includes('appears here') && texts.empty[1].includes('appears here'),
      `over the pictures: ${texts.empty}`);
    for (const id of ['remote-empty', 'local-empty', 'form']) {
      expect(await this.page.isVisible(`#${id}`), `${id} is not visible`);
    }
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
    await this.isNeutral();
  }

  async close() {
    await this.page.close();
    expect(this.problems.length === 0, `the page complains: ${this.problems[0]}`);
  }
}

export async function visiting(bench, self, options, run) {
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
