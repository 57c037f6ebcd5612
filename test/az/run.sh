#!/usr/bin/env bash
# Drives a hub and a real cluster with Microsoft's own, unmodified az and its connectedk8s extension, and says what passed.
# README.md beside this file says what it needs. Exits 0 when everything passed.
set -uo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/az/lib.sh
. test/az/lib.sh

need AZ "the command that runs az 2.70 or newer with the extension connectedk8s, for example a wrapper of chroot"
need HELM_CLIENT_PATH "helm 3, by the path that az sees"
need KUBECTL_CLIENT_PATH "kubectl, by the path that az sees"
: "${AZ_HOSTS:=/etc/hosts}" "${AZ_TMP:=/tmp}" "${DOMAIN:=hub.example.test}" "${AZ_FLAVOUR:=entra}"
: "${FAIRLEAD_BINARY:=$PWD/bin/fairlead}" "${FAIRLEAD_BINARY_NEXT:=$PWD/bin/fairlead-next}"
[ "$(id -u)" -eq 0 ] || give_up "a full node needs root"
[ -x "$FAIRLEAD_BINARY" ] && [ -x "$FAIRLEAD_BINARY_NEXT" ] || give_up "there is no $FAIRLEAD_BINARY and $FAIRLEAD_BINARY_NEXT: make build bin/fairlead-next"

work=$(mktemp -d "$AZ_TMP/fairlead-az-XXXXXX")
cluster=az-$$
trap clean EXIT
export HOME=$work AZURE_CONFIG_DIR=$work/azure AZURE_CORE_COLLECT_TELEMETRY=false AZURE_CORE_NO_COLOR=true AZURE_CORE_SURVEY_MESSAGE=false
export KUBECTL_CLIENT_PATH HELM_CLIENT_PATH

say "a cluster"
start_cluster
say "a hub with the domain $DOMAIN at $address"
start_hub "$FAIRLEAD_BINARY"
trust_hub

suites=${*:-cloud account people group provider connect show proxy update features troubleshoot upgrade again delete}
for suite in $suites; do
	say "$suite"
	# shellcheck source=/dev/null
	. "test/az/suite/$suite.sh"
done

echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
