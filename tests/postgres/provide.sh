#!/bin/bash
# provide.sh VERSION: prints the folder of PostgreSQL's programs for that major version (13, 15, 17).
#
# The version that this system packages is taken as it is. Another one is fetched from the Debian
# release that carries it, unpacked below ${REPRIEVE_TEST_CACHE:-/var/tmp/reprieve-test-cache} and
# made to run with its own C library (interpreter and library path are written into the programs),
# so that it needs no chroot, no root, and the commands that it starts are those of this system.
# Safe when two run at once; what it leaves is complete or not there. Ends with 77 if it cannot.
set -euo pipefail

version=${1:?usage: provide.sh VERSION}
cache=${REPRIEVE_TEST_CACHE:-/var/tmp/reprieve-test-cache}
mirror=${REPRIEVE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
root=$cache/pg-$version
bin=usr/lib/postgresql/$version/bin

skip() {
  echo "PostgreSQL $version cannot be provided: $*" >&2
  exit 77
}

if [ -x "/$bin/postgres" ]; then
  echo "/$bin"
  exit 0
fi
if [ -x "$root/$bin/postgres" ]; then
  echo "$root/$bin"
  exit 0
fi

case $version in
  13) suite=bullseye ;;
  15) suite=bookworm ;;
  17) suite=trixie ;;
  *) skip "no Debian release is known to carry it" ;;
esac
[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || skip "this is no Debian on amd64"

mkdir -p "$cache"
exec 9>"$cache/pg-$version.lock"
flock 9
if [ -x "$root/$bin/postgres" ]; then # Another run was faster.
  echo "$root/$bin"
  exit 0
fi

work=$(mktemp -d "$cache/pg-$version.XXXXXX")
trap 'rm -rf "$work"' EXIT
apt=$work/apt
mkdir -p "$apt"/{lists/partial,cache/archives/partial,etc/trusted,empty}
: >"$apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources"
options=(-qq -o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status"
  -o "Dir::Cache=$apt/cache" -o "Dir::Etc::sourcelist=$apt/sources" -o "Dir::Etc::sourceparts=$apt/empty"
  -o "Dir::Etc::parts=$apt/empty" -o "Dir::Etc::preferencesparts=$apt/empty" -o "Dir::Etc::main=/dev/null"
  -o "Acquire::Languages=none" -o "Acquire::http::Timeout=20" -o "Acquire::Retries=2"
  -o "APT::Sandbox::User=$(id -un)" -o "Debug::NoLocking=true" -o "APT::Install-Recommends=false")
apt-get "${options[@]}" update >&2 || skip "$mirror cannot be reached"
apt-get "${options[@]}" -y --download-only install "postgresql-$version" patchelf >&2 ||
  skip "$suite does not deliver its packages"
for package in "$apt"/cache/archives/*.deb; do
  dpkg-deb -x "$package" "$work/root"
done
rm -rf "$apt"

# Programs and libraries name each other by their final place. DT_RPATH of a program also serves
# what its libraries load, but is not inherited by the processes that it starts.
files=$work/root
own() { echo "$1/usr/lib/x86_64-linux-gnu:$1/lib/x86_64-linux-gnu"; }
loader=
for candidate in "$files"/{usr/lib,lib}/x86_64-linux-gnu/ld-linux-x86-64.so.2; do
  [ -e "$candidate" ] && loader=$(readlink -f "$candidate")
done
[ -n "$loader" ] || skip "its C library was not found"
patch=("$loader" --library-path "$(own "$files")" "$files/usr/bin/patchelf")
for program in "$files/$bin"/*; do
  [ "$(head -c 4 "$program" | tr -d '\0')" = $'\x7fELF' ] || continue
  "${patch[@]}" --set-interpreter "$root${loader#"$(readlink -f "$files")"}" \
    --force-rpath --set-rpath "$(own "$root")" "$program"
done
rm -rf "$files"/usr/share/{doc,man,locale,info}
mv "$files" "$root"
"$root/$bin/postgres" --version >/dev/null || { rm -rf "$root"; skip "it does not start"; }
echo "$root/$bin"
