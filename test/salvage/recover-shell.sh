#!/usr/bin/env bash
# recover-shell.sh TARGET: builds a sqlite3 shell from Debian's sources. Debian's own shell is built without
# sqlite_dbpage, which .recover needs. This script needs gcc, make, tclsh, dpkg-dev and Debian's mirror.
set -euo pipefail
target="$(realpath -m "${1:?where the shell is to lie}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir lists
cat > trixie.sources <<'SOURCES'
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
own=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work" -o "Dir::State::Lists=$work/lists")
apt-get "${own[@]}" update -qq
apt-get "${own[@]}" source -qq --download-only sqlite3
tar -xf sqlite3_*.orig.tar.xz
cd sqlite3-*/
./configure --disable-tcl > /dev/null
make -s sqlite3.c shell.c
gcc -O2 -DSQLITE_ENABLE_DBPAGE_VTAB -DSQLITE_THREADSAFE=0 -o "$target" shell.c sqlite3.c -ldl -lm
"$target" --version
