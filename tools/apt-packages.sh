#!/bin/sh
# Installs the Debian packages behind the commands that the tests need and that
# are not there yet. Does nothing, and asks for no rights, when all are there.
set -eu

missing=
need() { # command package...
	command -v "$1" >/dev/null 2>&1 && return
	shift
	missing="$missing $*"
}
case ${1:-tests} in
tests)
	need chromium chromium
	need chromedriver chromium-driver
	PATH=$PATH:/usr/sbin need nginx nginx-light
	need redis-server redis-server # also Sentinel and Cluster
	need prometheus prometheus # also promtool
	need amtool prometheus-alertmanager
	need node nodejs # the tests of the JavaScript module
	need cc gcc libc6-dev # the race detector links C
	;;
image)
	need buildah buildah
	need skopeo skopeo
	need busybox busybox-static # the shell in which the image is built
	;;
*)
	echo "usage: $0 [tests|image]" >&2
	exit 2
	;;
esac
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "please install by hand (there is no apt-get):$missing" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo="sudo"
fi
# The tests start what they need; the installation shall start nothing.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '$sudo rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod 755 "$policy"
fi
echo "installing by apt:$missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086 # one word a package
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
