// SPDX-License-Identifier: LGPL-2.1-or-later
// Cells with the page of examples/browser; what is judged is what the page and the terminal show.
import { request } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { networkCells } from './browser-network.mjs';
import { PICTURES } from './cell.mjs';
import { Example } from './example.mjs';
import { sleep } from './process.mjs';
import { PASSPHRASE, expect, textsOf, visiting } from './visit.mjs';

const WATCH_MS = 1000; // in which nothing may appear
const PHONE = { width: 360, height: 640 };
const STATES = fileURLToPath(new URL('../../../docs/elements.md', import.meta.url));

const rightKey = (scheme, codec, options, name = codec) => async (self, result, bench) => {
  await visiting(bench, self, options, async (visit) => {
    await visit.isNeutral();
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
      && states.every((text) => text.startsWith('There is a key, but the frames do not verify')));
    await sleep(WATCH_MS);
    const texts = await textsOf(visit.page);
    expect(texts.match.startsWith('They differ'), `the page says: ${texts.match}`);
    expect(texts.here !== texts.there, 'the fingerprints are the same');
    expect(texts.refusedText === 'Cannot decrypt: GStreamer has another key', texts.refusedText);
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

/** State, pictures and the way out are on the screen of a phone, without scrolling. */
async function phone(self, result, bench) {
  await visiting(bench, self, { viewport: PHONE }, async (visit) => {
    const fits = async (...ids) => {
      const { wide, outside } = await visit.page.evaluate((names) => ({
        wide: document.documentElement.scrollWidth - innerWidth,
        outside: names.filter((id) => {
          const { top, bottom, height } = document.getElementById(id).getBoundingClientRect();
          return height === 0 || top < 0 || bottom > innerHeight;
        }),
      }), ids);
      expect(wide <= 0, `${wide} pixels too wide`);
      expect(outside.length === 0, `not on the screen: ${outside}`);
    };
    await fits('state', 'key');
    await visit.join({ scheme: 'sframe', codec: 'vp8', key: `${PASSPHRASE}.` });
    await visit.until('refusal', ({ refusedShown }) => refusedShown);
    await visit.page.evaluate(() => scrollTo(0, 0));
    await fits('state', 'refused', 'local', 'leave');
    await visit.leave();
    await visit.join({ scheme: 'sframe', codec: 'vp8', key: PASSPHRASE });
    result.frames = (await visit.works()).received[0];
    await visit.page.evaluate(() => scrollTo(0, 0));
    await fits('state', 'remote', 'local', 'leave');
    expect(!await visit.page.isVisible('#form'), 'the form is in the way');
    await visit.page.screenshot({ path: path.join(bench.build, 'interop-page-sframe-phone.png') });
    await visit.leave();
  });
}

/** The page that is left behind says why, and takes the call back. */
async function twoPages(self, result, bench) {
  const how = { scheme: 'sframe', codec: 'vp8', key: PASSPHRASE };
  const taken = (visit) => visit.until('word of the other page',
    ({ state }) => state === 'Another page took this call over.');
  await visiting(bench, self, {}, async (first) => {
    first.tolerated = /410/;
    await first.join(how);
    await first.works();
    await visiting(bench, self, {}, async (second) => {
      second.tolerated = /410/;
      await second.join(how);
      await taken(first);
      await first.isNeutral();
      await second.works();
      expect(bench.example.output.includes('Call ended: another page took it over'),
        'the terminal says nothing');
      await first.page.keyboard.press('Enter'); // "Take it back" has the focus
      result.frames = (await first.works()).received[0];
      await taken(second);
      expect(!await first.page.isVisible('#back'), 'there is something to take back');
    });
  });
}

/** What is thrown in the page's worker does not leave the page waiting. */
async function brokenWorker(self, _result, bench) {
  const body = `export class Refused extends Error {}
    export const makeCryptor = () => { throw new Error('no such scheme'); };`;
  await visiting(bench, self, {}, async (visit) => {
    await visit.page.route('**/formats.js',
      (route) => route.fulfill({ contentType: 'text/javascript', body }));
    await visit.join({ scheme: 'sframe', codec: 'vp8', key: PASSPHRASE });
    await visit.until('word of it', ({ state }) =>
      state === "Cannot call: the page's worker failed: Error: no such scheme");
    await visit.isNeutral();
  });
}

/** Whatever GStreamer may report of the page's frames the page says in words. */
async function states(self, result, bench) {
  const table = (await readFile(STATES, 'utf8')).split('| `state` | meaning |')[1].split('\n\n')[0];
  const all = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, state]) => state);
  expect(all.length >= 10, `docs/elements.md has the states ${all}`);
  await visiting(bench, self, {}, async (visit) => {
    let shown = null;
    await visit.page.route('**/calls/*', async (route) => {
      if (route.request().method() !== 'GET') return route.fallback();
      const response = await route.fetch();
      const json = await response.json();
      if (shown) json.states['received-video'] = { state: shown, counts: {} };
      return route.fulfill({ response, json });
    });
    await visit.join({ scheme: 'sframe', codec: 'vp8', key: PASSPHRASE });
    result.frames = (await visit.works()).received[0];
    const said = new Set();
    for (shown of all) {
      let text;
      await visit.until(`words for ${shown}`, ({ state, states: [video] }) => {
        text = video;
        const well = ['ok', 'key-ratcheted', 'key-limit'].includes(shown);
        return !said.has(video) && (well ? state.startsWith('Connected and encrypted')
          : state === `This page decrypts, but GStreamer cannot. ${video}`);
      });
      expect(/^[A-Z].* .*\.$/.test(text) && !text.includes(shown === 'ok' ? 'ok' : `${shown} `),
        `${shown} is shown as ${text}`);
      said.add(text);
    }
    await visit.page.unrouteAll({ behavior: 'wait' });
    await visit.leave();
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
      visit.tolerated = /ERR_CONNECTION_REFUSED/; // at any time from here on
      expect(await example.close() === 0, `exit status ${example.child.exitCode} after Ctrl-C`);
      expect(example.output.split(key).length === 2, 'the key is shown more than once');
      const silent = 'run.sh does not answer. Was it stopped?';
      await visit.until('the end', ({ state }) => state === `The call has ended: ${silent}`);
      await visit.isNeutral();
      await visit.page.click('#connect');
      await visit.until('the refusal', ({ state }) => state === `Cannot call: ${silent}`);
      await visit.isNeutral();
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
    cell('sframe/vp8/phone', 'sframe', 'vp8', phone),
    cell('sframe/vp8/two-pages', 'sframe', 'vp8', twoPages),
    cell('sframe/vp8/broken-worker', 'sframe', 'vp8', brokenWorker),
    cell('sframe/vp8/states', 'sframe', 'vp8', states),
    cell('livekit/vp8/run.sh', 'livekit', 'vp8', script),
    ...networkCells.map(([name, run]) => cell(`sframe/vp8/${name}`, 'sframe', 'vp8', run)),
  ];
}
