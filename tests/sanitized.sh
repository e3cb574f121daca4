# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For scripts to source after setup.sh: the build by clang++ with AddressSanitizer and
# UndefinedBehaviorSanitizer, fuzz targets included, and what these have to know when it runs.

# shellcheck disable=SC2034
E2EE_ASAN_BUILD=("$E2EE_BUILD/asan" -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true
  -Dintrospection=disabled -Dexamples=false -Doptimization=1 -Ddebug=true
  "-Dcpp_args=-fsanitize-ignorelist=$E2EE_ROOT/tests/enum.ignore")

build_without_warnings() {
  local folder=$1
  shift
  [[ -f $folder/build.ninja ]] || meson setup "$@" -Dwerror=true -Dtests=true "$folder" "$E2EE_ROOT"
  ninja -C "$folder"
}

sanitizer_options() {
  export ASAN_OPTIONS=detect_leaks=1
  export LSAN_OPTIONS=suppressions=$E2EE_ROOT/tests/sanitize.supp:print_suppressions=0
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
}
