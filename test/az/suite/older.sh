# For a hub whose version az takes for an older one (FAIRLEAD_BINARY built as 1.35.2): az hands the cluster's key to the chart.
works "connect, key as a value" "\"provisioningState\": \"Succeeded\"" connectedk8s connect -n quay-1 -g shops -l local
holds "the key is a Secret of the chart's" "azure-arc-k8sagents" kube get secret -n azure-arc azure-arc-connect-privatekey -o jsonpath='{.metadata.labels.helm\.sh/chart}'
works "upgrade keeps the key" "" connectedk8s upgrade -n quay-1 -g shops
holds "the key is still there" "azure-arc-connect-privatekey" kube get secret -n azure-arc azure-arc-connect-privatekey -o name
works "delete" "" connectedk8s delete -n quay-1 -g shops --yes
