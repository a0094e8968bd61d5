#!/bin/sh
# Install from Debian what some tests talk to, and fail with a sentence when something is absent.
#   tools/services.sh [PACKAGE …]     default: what the tests marked `services` need
set -eu

PACKAGES="${*:-mosquitto nats-server chromium postgresql}"
PATH="$PATH:/usr/sbin:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"
missing() {
    for package in $PACKAGES; do
        case $package in postgresql) program=initdb ;; *) program=$package ;; esac
        command -v "$program" >/dev/null || echo "$package"
    done
}

if [ -n "$(missing)" ]; then
    [ "$(id -u)" = 0 ] || { echo "hummingbot-extended: these tests need $PACKAGES; install them: sudo apt install $PACKAGES" >&2; exit 1; }
    echo "installing $PACKAGES"
    export DEBIAN_FRONTEND=noninteractive
    # A service that Debian starts on installation would take the port its test wants.
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $PACKAGES >/dev/null
fi
[ -z "$(missing)" ] || { echo "hummingbot-extended: still missing: $(missing)" >&2; exit 1; }
