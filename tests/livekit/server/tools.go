// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build tools

// Package server pins the LiveKit server that the tests run; nothing here is compiled.
package server

import _ "github.com/livekit/livekit-server/cmd/server"
