// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium, as Debian has it.

const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-sync',
  '--disable-background-networking', '--disable-component-update',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
];
const LOOPBACK = [ // candidates on 127.0.0.1, written out
  '--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns',
];

/** loopback: whether it offers 127.0.0.1, which it does not as it comes. */
export function launchChromium({ chromium }, { loopback }) {
  return chromium.launch({
    executablePath: '/usr/bin/chromium', headless: true, timeout: 30000,
    args: [...ARGUMENTS, ...(loopback ? LOOPBACK : [])],
  });
}

export const chromium = {
  client: 'chromium',
  title: 'Chromium',
  launch: (playwright) => launchChromium(playwright, { loopback: true }),
};
