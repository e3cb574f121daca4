// SPDX-License-Identifier: LGPL-2.1-or-later
import { spawn } from 'node:child_process';

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Rejects with a reason when a promise takes longer. */
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A child that is killed when this process dies, whatever it dies of. */
export function start(command, options) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], options);
  child.exited = new Promise((resolve) => {
    child.on('exit', resolve);
    child.on('error', resolve);
  });
  return child;
}

/** Ends a child: politely, and after two seconds not. */
export async function end(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
  await child.exited;
  clearTimeout(timer);
}

const POLL_MS = 50;

/** Until `check` answers true. What it answered last is in the error. */
export async function until(what, ms, check) {
  const deadline = Date.now() + ms;
  let last;
  for (;;) {
    last = await check();
    if (last === true) return;
    if (Date.now() > deadline) break;
    await sleep(POLL_MS);
  }
  throw new Error(`${what}: not within ${ms / 1000} s (${JSON.stringify(last)})`);
}
