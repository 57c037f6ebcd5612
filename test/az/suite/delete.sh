gone() {
	local left
	left=$(kube get namespace azure-arc azure-arc-release --ignore-not-found -o name) && [ -z "$left" ] && echo gone
}
works "delete" "" connectedk8s delete -n quay-1 -g shops --yes
refuses "delete: it is gone at the hub" "ResourceNotFound" connectedk8s show -n quay-1 -g shops
comes "delete: nothing is left in the cluster" "^gone$" gone
works "connect after delete" "Succeeded" connectedk8s connect -n quay-2 -g shops -l local
works "delete --force" "" connectedk8s delete -n quay-2 -g shops --yes --force
refuses "delete --force: it is gone at the hub" "ResourceNotFound" connectedk8s show -n quay-2 -g shops
works "group delete with everything in it" "" group delete -n shops --yes
works "logout" "" logout
works "cloud set back" "" cloud set -n AzureCloud
works "cloud unregister" "" cloud unregister -n Fairlead
