#!/bin/sh
# Makes sure of what the kit needs from the system: `make` calls it before anything is downloaded or trained.
# As root it installs what is missing; otherwise it names one command and stops.
#
#   sh system.sh PYTHON PACKAGE...    packages: bubblewrap, chromium
set -eu
python=$1
shift
missing=""
if ! "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
  if command -v "$python" > /dev/null && ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
    echo "Python 3.11 or newer is needed, and $python is older: make PYTHON=python3.12 ..." >&2
    exit 1
  fi
  missing="python3-venv"
fi
for package in "$@"; do
  case $package in
    bubblewrap) command -v bwrap > /dev/null || missing="$missing bubblewrap" ;;
    chromium) command -v chromium > /dev/null || missing="$missing chromium" ;;
  esac
done
[ -n "$missing" ] || exit 0
missing=$(echo $missing)  # without the space at its beginning
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  echo "Installing $missing"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing
  exit 0
fi
echo "The system lacks $missing. Run this, then make again: sudo apt-get install $missing" >&2
exit 1
