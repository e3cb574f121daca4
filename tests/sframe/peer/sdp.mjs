// SPDX-License-Identifier: LGPL-2.1-or-later
// `a=sframe`, which werift does not know: it stands in each media section, and nowhere else.

const ATTRIBUTE = 'a=sframe';

/** The lines of the session, then those of each media section. */
function sectionsOf(sdp) {
  const sections = [[]];
  for (const line of sdp.split(/\r?\n/)) {
    if (line.startsWith('m=')) sections.push([]);
    if (line) sections.at(-1).push(line);
  }
  return sections;
}

export function withSFrame(sdp) {
  const [session, ...media] = sectionsOf(sdp);
  const lines = [session, ...media.map((section) => [...section, ATTRIBUTE])].flat();
  return `${lines.join('\r\n')}\r\n`;
}

export function withoutSFrame(sdp) {
  const lines = sectionsOf(sdp).flat().filter((line) => line !== ATTRIBUTE);
  return `${lines.join('\r\n')}\r\n`;
}

/** Throws unless every media section, and only these, has the attribute. */
export function expectSFrame(sdp, what) {
  const [session, ...media] = sectionsOf(sdp);
  if (session.includes(ATTRIBUTE)) throw new Error(`${what} has ${ATTRIBUTE} for the session`);
  if (media.length === 0 || !media.every((section) => section.includes(ATTRIBUTE))) {
    throw new Error(`${what} has no ${ATTRIBUTE} in a media section`);
  }
}

/** Without candidates of other addresses than 127.0.0.1. */
export function onLoopback(sdp) {
  const lines = sdp.split('\r\n').filter(
    (line) => !line.startsWith('a=candidate:') || line.split(' ')[4] === '127.0.0.1');
  return lines.join('\r\n');
}
