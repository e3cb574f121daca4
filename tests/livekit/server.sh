# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For scripts to source: the LiveKit server that they run. Only building one needs go.sh.

E2EE_OWN_SERVER=$E2EE_BUILD/livekit/livekit-server

# Whether a server is there already, which is then E2EE_SERVER.
e2ee_have_server() {
  E2EE_SERVER=${LIVEKIT_SERVER:-$(command -v livekit-server || echo "$E2EE_OWN_SERVER")}
  [[ -x $E2EE_SERVER ]]
}

# Sets E2EE_SERVER to what is there already, or to what this makes of the module that go.sum pins. Or
# fails and sets E2EE_SERVER_MISSING to the reason. Needs the network, so call it before that is gone.
e2ee_find_server() {
  ! e2ee_have_server || return 0
  [[ ! ${LIVEKIT_SERVER:-} ]] ||
    e2ee_wrong_usage "LIVEKIT_SERVER is $LIVEKIT_SERVER, which is no program"
  if ! e2ee_find_go; then
    E2EE_SERVER_MISSING="no livekit-server, and $E2EE_GO_MISSING to build it"
    return 1
  fi
  # shellcheck disable=SC2034 # read by who called
  E2EE_SERVER_MISSING='livekit-server cannot be built'
  e2ee_go_build 'livekit-server' "$E2EE_ROOT/tests/livekit/server" \
    github.com/livekit/livekit-server/cmd/server "$E2EE_OWN_SERVER"
}
