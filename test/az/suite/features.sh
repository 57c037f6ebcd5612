works "enable-features: azure-rbac" "Successs?fully (enabled|disabled) features" connectedk8s enable-features -n quay-1 -g shops --features azure-rbac --skip-azure-rbac-list none
holds "azure-rbac is in the release" "authnMode" helm_values
works "disable-features: azure-rbac" "Successs?fully (enabled|disabled) features" connectedk8s disable-features -n quay-1 -g shops --features azure-rbac --yes
works "enable-features: cluster-connect, custom-locations" "Successs?fully (enabled|disabled) features" connectedk8s enable-features -n quay-1 -g shops --features cluster-connect custom-locations
works "disable-features: custom-locations" "Successs?fully (enabled|disabled) features" connectedk8s disable-features -n quay-1 -g shops --features custom-locations --yes
works "disable-features: cluster-connect" "Successs?fully (enabled|disabled) features" connectedk8s disable-features -n quay-1 -g shops --features cluster-connect --yes
