# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For setup.sh to source: e2ee_arguments "$@" reads a script's arguments by the help text that the
# script's usage() prints. A line of it that begins with an option says what the option takes:
#
#   -c, --codec=vp8|vp9     one of these words
#   -s, --seconds=1..3600   a number
#       --key-file=FILE     a file that can be read
#       --output=PATH       where a file can be written
#       --filter=TEXT       any text, under this or any other name
#       --quick             nothing
#
# Its first line ends in [FILE] where a file may follow, in one|another where one of these words has to.
# --help and --version are answered. What the
# text does not say ends the script with status 2 and a sentence, before anything is installed or
# built. Otherwise there is then:

declare -gA E2EE_OPTION=() # values by name, of those that take none 1
E2EE_ARGS=()               # the options but --no-install, as --name=value, each once
E2EE_FILES=()              # what follows them: a file or a word

e2ee_wrong_usage() {
  e2ee_say "${0##*/}: $*"$'\n''Try --help.'
  exit 2
}

# e2ee_check_value NAME TAKES VALUE
e2ee_check_value() {
  local name=$1 takes=$2 value=$3
  [[ $value ]] || e2ee_wrong_usage "--$name needs a value: $takes"
  case $takes in
    *'|'*)
      [[ $value != *'|'* && "|$takes|" == *"|$value|"* ]] ||
        e2ee_wrong_usage "--$name takes ${takes//|/ or }, not \"$value\""
      ;;
    *..*)
      [[ $value =~ ^(0|[1-9][0-9]{0,8})$ && $value -ge ${takes%..*} && $value -le ${takes#*..} ]] ||
        e2ee_wrong_usage "--$name takes a number from ${takes/../ to }, not \"$value\""
      ;;
    FILE)
      [[ -r $value && ! -d $value ]] ||
        e2ee_wrong_usage "--$name: \"$value\" is no file that can be read"
      ;;
    PATH)
      [[ ! -d $value ]] || e2ee_wrong_usage "--$name takes the name of a file, not \"$value\""
      ;;
  esac
}

e2ee_version() { sed -n "s/^ *version: '\(.*\)',$/\1/p" "$E2EE_ROOT/meson.build"; }

# What usage() says of options: by name what they take, by letter the name.
declare -gA E2EE_TAKES=([help]='' [version]='') E2EE_LETTERS=([h]=help)
e2ee_read_usage() {
  local line pattern='^ +(-([a-z]), )?--([a-z-]+)(=([^ ]+))?( |$)'
  while IFS= read -r line; do
    [[ $line =~ $pattern ]] || continue
    E2EE_TAKES[${BASH_REMATCH[3]}]=${BASH_REMATCH[5]}
    [[ ! ${BASH_REMATCH[2]} ]] || E2EE_LETTERS[${BASH_REMATCH[2]}]=${BASH_REMATCH[3]}
  done
}

# Takes --name, --name=value, -n and -nvalue apart, into the caller's name, value and has_value.
e2ee_read_option() {
  local letter=${1:1:1}
  name=$1 value='' has_value=''
  if [[ $1 == --*=* ]]; then
    name=${1%%=*} value=${1#*=} has_value=1
  elif [[ $1 != --* ]]; then
    name=--${E2EE_LETTERS[$letter]-} value=${1:2}
    has_value=${value:+1}
  fi
  name=${name#--}
  [[ $name =~ ^[a-z-]+$ && -v E2EE_TAKES[$name] ]] || e2ee_wrong_usage "there is no option $1"
}

# e2ee_check_files FIRST-LINE-OF-THE-USAGE
e2ee_check_files() {
  local wanted=${1##* } count=${#E2EE_FILES[@]} given=${E2EE_FILES[0]-}
  if [[ $wanted == *'|'* ]]; then
    [[ $count == 1 && $given != *'|'* && "|$wanted|" == *"|$given|"* ]] ||
      e2ee_wrong_usage "wanted is ${wanted//|/ or }, not \"${E2EE_FILES[*]}\""
  elif ((count > 0)); then
    [[ $wanted == '[FILE]' && $count == 1 ]] || e2ee_wrong_usage "unexpected: ${E2EE_FILES[*]}"
    [[ -r $given && ! -d $given ]] || e2ee_wrong_usage "\"$given\" is no file that can be read"
  fi
}

e2ee_arguments() {
  local text name value has_value takes
  text=$(usage)
  e2ee_read_usage <<<"$text"
  while (($# > 0)); do
    if [[ $1 != -?* ]]; then
      E2EE_FILES+=("$1")
      shift
      continue
    fi
    e2ee_read_option "$1"
    shift
    takes=${E2EE_TAKES[$name]}
    if [[ ! $takes ]]; then
      [[ ! $has_value ]] || e2ee_wrong_usage "--$name takes no value"
      value=1
    elif [[ ! $has_value ]]; then
      value=${1-}
      (($# == 0)) || shift
    fi
    case $name in
      help) printf '%s\n' "$text" && exit ;;
      version) printf '%s %s\n' "${0##*/}" "$(e2ee_version)" && exit ;;
    esac
    [[ ! $takes ]] || e2ee_check_value "$name" "$takes" "$value"
    E2EE_OPTION[$name]=$value
  done

  e2ee_check_files "${text%%$'\n'*}"
  for name in "${!E2EE_OPTION[@]}"; do
    if [[ $name == no-install ]]; then
      # shellcheck disable=SC2034
      E2EE_NO_INSTALL=1 # read by setup.sh
    else
      E2EE_ARGS+=("--$name${E2EE_TAKES[$name]:+=${E2EE_OPTION[$name]}}")
    fi
  done
}
