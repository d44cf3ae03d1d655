#!/usr/bin/env bash
# Installs what forcecred is timed beside, as far as it is not there: what Debian
# has, when root runs this; the Salesforce CLI, with a Node that it runs on, into
# .ci. It prints the PATH that has them all, and the rest only when it fails:
#
#	export PATH="$(integration/bench/setup.sh)"
set -euo pipefail
cd "$(dirname "$0")/../.."
log=$(mktemp)
trap 'cat "$log" >&4' ERR
trap 'rm -f "$log"' EXIT
exec 3>&1 4>&2 >"$log" 2>&1

if [[ $(id -u) == 0 ]] && command -v apt-get; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update
	apt-get install -y --no-install-recommends \
		curl dbus gnome-keyring gnupg golang-docker-credential-helpers keyutils libsecret-tools oidc-agent-cli pass valgrind
fi

# The Salesforce CLI needs Node 22. Debian's may be older, npm has a current one.
if ! node -e 'process.exit(process.versions.node.split(".")[0] >= 22 ? 0 : 1)'; then
	if ! command -v npm && [[ $(id -u) == 0 ]]; then
		apt-get install -y --no-install-recommends nodejs npm
	fi
	npm install --silent --no-audit --no-fund --prefix .ci/node node@22
	PATH="$PWD/.ci/node/node_modules/.bin:$PATH"
fi

# What of the CLI's parts runs scripts when it is installed is not needed here.
if ! command -v sf; then
	[[ -x .ci/sf/node_modules/.bin/sf ]] ||
		npm install --silent --no-audit --no-fund --ignore-scripts --prefix .ci/sf @salesforce/cli@2.150.6
	PATH="$PWD/.ci/sf/node_modules/.bin:$PATH"
fi

printf '%s\n' "$PATH" >&3
