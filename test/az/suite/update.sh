works "update: tags" "\"site\": \"pier\"" connectedk8s update -n quay-1 -g shops --tags site=pier
works "update: no auto-upgrade" "" connectedk8s update -n quay-1 -g shops --auto-upgrade false
works "update: no auto-upgrade, kept" "^Disabled$" connectedk8s show -n quay-1 -g shops --query properties.arcAgentProfile.agentAutoUpgrade -o tsv
holds "no auto-upgrade, in the cluster" "^false$" kube get cm -n azure-arc azure-clusterconfig -o jsonpath='{.data.AZURE_ARC_AUTOUPDATE}'
