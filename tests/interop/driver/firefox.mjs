// SPDX-License-Identifier: LGPL-2.1-or-later
// Firefox, as Debian has it, driven by WebDriver BiDi.

const PREFERENCES = {
  // Candidates on 127.0.0.1, written out. Without these permissions Firefox offers no address but
  // that of the default route, and here is none.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  // An AudioContext runs only with a sound device: Firefox's own imitation of one.
  'media.cubeb.force_mock_context': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
};

export const firefox = {
  client: 'firefox',
  title: 'Firefox',
  launch: (playwright) => playwright.firefox.launch({
    channel: 'moz-firefox', executablePath: '/usr/bin/firefox-esr', headless: true, timeout: 60000,
    firefoxUserPrefs: PREFERENCES,
  }),
};
