#!/bin/sh
# Install from Debian what the tests marked `services` talk to, and fail with a sentence when something is absent.
set -eu

PACKAGES="mosquitto nats-server chromium"
missing() { for program in mosquitto nats-server chromium; do PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || echo "$program"; done; }

if [ -n "$(missing)" ]; then
    [ "$(id -u)" = 0 ] || { echo "hummingbot-extended: make test-services needs $PACKAGES; install them: sudo apt install $PACKAGES" >&2; exit 1; }
    echo "installing $PACKAGES"
    export DEBIAN_FRONTEND=noninteractive
    # A service that Debian starts on installation would take the port its test wants.
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $PACKAGES >/dev/null
fi
[ -z "$(missing)" ] || { echo "hummingbot-extended: still missing: $(missing)" >&2; exit 1; }
