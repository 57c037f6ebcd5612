#!/usr/bin/env bash
# Runs a command with FAIRLEAD_TEST_NODE_KUBECONFIG naming a throwaway full node and FAIRLEAD_TEST_COREDNS a real CoreDNS. The node
# needs root; without it the command runs without the variable, and its tests say that they were left out.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" -eq 0 ]; then
	name=fairlead-node-$$
	stop() { go run ./test/cluster down --name "$name" >/dev/null; }
	trap stop EXIT
	FAIRLEAD_TEST_NODE_KUBECONFIG=$(go run ./test/cluster up --name "$name")
	export FAIRLEAD_TEST_NODE_KUBECONFIG
	cache=${FAIRLEAD_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/fairlead/test-cluster
	FAIRLEAD_TEST_COREDNS=$(ls -t "$cache"/bin/coredns-*/coredns | head -n 1)
	export FAIRLEAD_TEST_COREDNS
else
	echo "no root: tests on a real node are left out"
fi
"$@"
