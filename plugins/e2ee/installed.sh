#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The end of an installation below a prefix that is not GStreamer's own: prints what to export.
# installed.sh PREFIX LIBDIR BINDIR
prefix=$1 libdir=$1/$2 bindir=$1/$3
[ -z "$DESTDIR" ] || exit 0 # a package in the making
# meson shows nothing of what its scripts print. A socket cannot be opened like this.
out=/proc/$PPID/fd/1
(: >>"$out") 2>/dev/null || exit 0
exec >>"$out"

line() { printf "  export %s='%s'\${%s:+:\$%s}\n" "$1" "$2" "$1" "$1"; }

printf '\ngst-e2ee is in %s. Programs find it there with these lines in ~/.profile:\n\n' "$prefix"
line GST_PLUGIN_PATH "$libdir/gstreamer-1.0"
line GI_TYPELIB_PATH "$libdir/girepository-1.0"
line LD_LIBRARY_PATH "$libdir"
line PKG_CONFIG_PATH "$libdir/pkgconfig"
case :$PATH: in
  *:"$bindir":*) ;;
  *) line PATH "$bindir" ;;
esac
echo
