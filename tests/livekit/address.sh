#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs a command in this network namespace with an address beside 127.0.0.1, since LiveKit's Go SDK
# calls from no loopback address: address.sh COMMAND ...
set -euo pipefail

ip address add 192.0.2.1/32 dev e2ee0 # reserved for documentation, so it is nobody's

exec "$@"
