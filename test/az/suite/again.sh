works "connect again: the same cluster" "\"provisioningState\": \"Succeeded\"" connectedk8s connect -n quay-1 -g shops -l local
