stop_hub
start_hub "$FAIRLEAD_BINARY_NEXT"
works "upgrade" "successfully|quay-1" connectedk8s upgrade -n quay-1 -g shops
comes "upgrade: the agents' new version" "^1\.40\.1" sh -c "kubectl --kubeconfig $work/kubeconfig get connectedclusters -n azure-arc clustermetadata -o jsonpath='{.status.agentVersion}'"
works "upgrade: the hub knows" "^1\.40\.1" connectedk8s show -n quay-1 -g shops --query properties.agentVersion -o tsv
works "update after upgrade" "" connectedk8s update -n quay-1 -g shops --tags site=mole
