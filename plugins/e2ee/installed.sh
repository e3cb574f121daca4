#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The end of an installation under a prefix where programs do not look by themselves: prints what to
# export. installed.sh PREFIX LIBDIR BINDIR
prefix=$1 libdir=$1/$2 bindir=$1/$3
[ -z "$DESTDIR" ] || exit 0 # a package in the making
# meson keeps what its scripts print to itself.
[ ! -w "/proc/$PPID/fd/1" ] || exec >>"/proc/$PPID/fd/1"

line() { printf '  export %s=%s${%s:+:$%s}\n' "$1" "$2" "$1" "$1"; }

printf '\ngst-e2ee is in %s, where programs do not look by themselves. For this shell and ~/.profile:\n\n' "$prefix"
line GST_PLUGIN_PATH "$libdir/gstreamer-1.0"
line GI_TYPELIB_PATH "$libdir/girepository-1.0"
line LD_LIBRARY_PATH "$libdir"
line PKG_CONFIG_PATH "$libdir/pkgconfig"
case :$PATH: in
  *:"$bindir":*) ;;
  *) line PATH "$bindir" ;;
esac
echo
