// SPDX-License-Identifier: LGPL-2.1-or-later
// Seconds to the first decoded frame, as Markdown: a cell with encryption below the same without.

const DIRECTIONS = { 'to-browser': 'to', 'from-browser': 'from' };
const CLIENTS = { chromium: 'Chromium', firefox: 'Firefox', native: '@livekit/rtc-node' };
const CODECS = { vp8: 'VP8', vp9: 'VP9', opus: 'Opus', red: 'RED', h264: 'H.264' };
const SCHEMES = {
  none: 'no encryption', livekit: 'LiveKit', realtimekit: 'RealtimeKit', jitsi: 'Jitsi',
  sframe: 'SFrame',
};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

function text(results, decimals) {
  if (!results) return '-';
  const bad = results.filter(({ passed }) => !passed).length;
  if (bad > 0) return results.length > 1 ? `FAILED ${bad} of ${results.length}` : 'FAILED';
  return median(results.map(({ seconds }) => seconds)).toFixed(decimals);
}

/** Lines with a row and a column for each name that `nameOf` finds, in the order of the results. */
function table(title, results, rowOf, columnOf, decimals) {
  const columns = [...new Set(results.map(columnOf))];
  const rows = new Map();
  for (const result of results) {
    const row = rowOf(result);
    if (!rows.has(row)) rows.set(row, {});
    (rows.get(row)[columnOf(result)] ??= []).push(result);
  }
  const lines = [[title, ...columns]];
  for (const [row, found] of rows) {
    lines.push([row, ...columns.map((column) => text(found[column], decimals))]);
  }
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  const print = (line) => `| ${line.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [print(lines[0]), rule, ...lines.slice(1).map(print), ''];
}

const api = ({ peer, api: name, kdf }) => (
  peer === 'livekit' ? [', ', name, kdf && ` ${kdf}`].filter(Boolean).join('') : '');
const rowOfCell = ({ cell }) => SCHEMES[cell.peer] + api(cell);
const rowOfScheme = ({ cell }) => SCHEMES[cell.peer];
const columnOfCell = ({ cell }) =>
  `${CODECS[cell.codec]}${cell.svc ? ` ${cell.svc}` : ''} ${DIRECTIONS[cell.direction]}`;
const columnOfMedian = ({ cell }) =>
  `${DIRECTIONS[cell.direction]}${cell.sfu ? ', SFU' : ''}`;

function tablesOfClient(client, results) {
  const lines = [
    `Seconds to the first decoded frame, to and from ${CLIENTS[client]}; medians over codecs:`, '',
    ...table('', results, rowOfScheme, columnOfMedian, 1),
  ];
  for (const [title, sfu] of [['direct', false], ['through the SFU', true]]) {
    const those = results.filter(({ cell }) => cell.sfu === sfu);
    if (those.length > 0) lines.push(...table(title, those, rowOfCell, columnOfCell, 2));
  }
  return lines;
}

/** Of results of cells as in matrix() and plainCells(). */
export function timesTables(results) {
  const clients = [...new Set(results.map(({ cell }) => cell.client))];
  return clients.flatMap((client) => tablesOfClient(
    client, results.filter(({ cell }) => cell.client === client))).join('\n');
}
