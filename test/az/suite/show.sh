works "list" "^quay-1$" connectedk8s list -g shops --query "[].name" -o tsv
works "list, whole subscription" "^quay-1$" connectedk8s list --query "[].name" -o tsv
works "show" "\"provisioningState\": \"Succeeded\"" connectedk8s show -n quay-1 -g shops
works "show: Connected" "^Connected$" connectedk8s show -n quay-1 -g shops --query properties.connectivityStatus -o tsv
works "show: agentVersion" "^1\.40\.0" connectedk8s show -n quay-1 -g shops --query properties.agentVersion -o tsv
refuses "show: not" "ResourceNotFound" connectedk8s show -n nobody -g shops
