#!/usr/bin/env bash
# newer-glibc.sh DIR: puts a newer C library, from Debian's packages, into DIR, for `npm run test:fuzz:coverage` on systems
# whose own is older than 2.38: FUZZ_GLIBC=DIR names it. Nothing is installed. Needs apt, dpkg-deb and Debian's mirror.
set -euo pipefail
target="$(realpath -m "${1:?where the library is to lie}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p lists/partial packages
cat > trixie.sources <<'SOURCES'
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
own=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work" -o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root)
apt-get "${own[@]}" update -qq
(cd packages && apt-get "${own[@]}" download -qq -t trixie libc6 libstdc++6 libgcc-s1)
mkdir -p "$target"
for package in packages/*.deb; do dpkg-deb -x "$package" "$target"; done
ls "$target"/usr/lib/*-linux-gnu/libc.so.6
