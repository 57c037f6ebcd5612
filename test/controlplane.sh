#!/usr/bin/env bash
# Runs a command with FAIRLEAD_TEST_KUBECONFIG naming a throwaway control plane that ends with it.
set -euo pipefail
cd "$(dirname "$0")/.."

name=fairlead-make-$$
stop() { go run ./test/cluster down --name "$name" >/dev/null; }
trap stop EXIT
FAIRLEAD_TEST_KUBECONFIG=$(go run ./test/cluster up --control-plane --name "$name")
export FAIRLEAD_TEST_KUBECONFIG
"$@"
