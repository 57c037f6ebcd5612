for namespace in Microsoft.Kubernetes Microsoft.KubernetesConfiguration Microsoft.ExtendedLocation; do
	works "provider register $namespace" "" provider register --namespace "$namespace"
	works "provider show $namespace" "^Registered$" provider show -n "$namespace" --query registrationState -o tsv
done
works "provider list" "Microsoft.Kubernetes" provider list --query "[].namespace" -o tsv
