// SPDX-License-Identifier: LGPL-2.1-or-later
// Faults of the network between programs and server: lost packets of media, and connections of
// signalling that break. For a network namespace of one's own.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

export const MEDIA_PORT = 7882; // of the server, UDP

const TABLE = 'inet e2ee_faults';

/** Each rule drops packets that have been sent already, so that senders notice nothing. */
function filter(rules) {
  execFileSync('nft', ['-f', '-'], {
    input: `add table ${TABLE}
delete table ${TABLE}
add table ${TABLE}
add chain ${TABLE} arriving { type filter hook input priority 0; }
${rules.map((rule) => `add rule ${TABLE} arriving ${rule}\n`).join('')}`,
  });
}

/** Loses so many percent of all packets of media, each way, until mendMedia(). */
export function loseMedia(percent) {
  filter(['sport', 'dport'].map((port) => (
    `udp ${port} ${MEDIA_PORT} numgen random mod 100 < ${percent} counter drop`)));
}

/** How many packets of the server's loseMedia() has lost so far. */
export function lostOfServer() {
  const [, packets] = execFileSync('nft', ['list', 'table', ...TABLE.split(' ')], { encoding: 'utf8' })
    .match(/sport .* packets (\d+)/);
  return Number(packets);
}

export function mendMedia() {
  execFileSync('nft', [`add table ${TABLE}; delete table ${TABLE}`]);
}

/** {inode: port} of UDP sockets. */
function udpPorts() {
  const [, ...lines] = readFileSync('/proc/self/net/udp', 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => {
    const fields = line.trim().split(/\s+/);
    return [fields[9], parseInt(fields[1].split(':')[1], 16)];
  }));
}

function socketsOf(pid) {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return readlinkSync(path.join(folder, name)).match(/^socket:\[(\d+)\]$/)?.[1] ?? [];
    } catch {
      return []; // closed meanwhile
    }
  });
}

/**
 * Drops the media of one process until mendMedia(), also of connections that it begins meanwhile:
 * only who has a socket by now is still let through.
 */
export function cutMediaOf(pid) {
  const ports = udpPorts();
  for (const inode of socketsOf(pid)) delete ports[inode];
  const others = new Set(Object.values(ports));
  others.delete(MEDIA_PORT);
  const but = (port) => (others.size > 0 ? `udp ${port} != { ${[...others].join(', ')} }` : '');
  filter([
    `udp sport ${MEDIA_PORT} ${but('dport')} drop`,
    `udp dport ${MEDIA_PORT} ${but('sport')} drop`,
  ]);
}

/** In front of a server's TCP port; its connections can be cut. */
export class Proxy {
  #pairs = new Set();
  #refuses = false;

  static async start(port) {
    const self = new Proxy();
    self.server = net.createServer((client) => self.#join(client, port));
    await new Promise((resolve) => { self.server.listen(0, '127.0.0.1', resolve); });
    self.url = `ws://127.0.0.1:${self.server.address().port}`;
    return self;
  }

  #join(client, port) {
    if (this.#refuses) {
      client.destroy();
      return;
    }
    const upstream = net.connect(port, '127.0.0.1');
    const pair = [client, upstream];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client]]) {
      from.pipe(to);
      from.on('error', () => {}); // it closes then
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  /** Of new ones none is refused. */
  cut() {
    for (const [client, upstream] of this.#pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  }

  /** Cuts, and refuses new ones until admit(). */
  refuse() {
    this.#refuses = true;
    this.cut();
  }

  admit() {
    this.#refuses = false;
  }

  close() {
    this.cut();
    this.server.close();
  }
}
