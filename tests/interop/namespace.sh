#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs a command with no network but 127.0.0.1: namespace.sh COMMAND ... For `unshare`, as root of a
# new network namespace.
set -euo pipefail

[[ ! -e /proc/sys/net/ipv6 ]] || echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 || true
ip link set lo up
# Janus (libnice) leaves the loopback interface out; this one it takes.
ip link add e2ee0 type veth peer name e2ee1
ip link set e2ee0 up
ip link set e2ee1 up
ip address add 127.0.0.1/32 dev e2ee0

exec "$@"
