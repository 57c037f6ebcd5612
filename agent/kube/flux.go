package kube

// The collections of Flux. A namespace that is empty means those of all.

// GitRepositories returns a namespace's GitRepositories.
func GitRepositories(namespace string) Collection {
	return collection("source.toolkit.fluxcd.io", "v1", "gitrepositories", namespace)
}

// OCIRepositories returns a namespace's OCIRepositories.
func OCIRepositories(namespace string) Collection {
	return collection("source.toolkit.fluxcd.io", "v1", "ocirepositories", namespace)
}

// Buckets returns a namespace's Buckets.
func Buckets(namespace string) Collection {
	return collection("source.toolkit.fluxcd.io", "v1", "buckets", namespace)
}

// HelmRepositories returns a namespace's HelmRepositories.
func HelmRepositories(namespace string) Collection {
	return collection("source.toolkit.fluxcd.io", "v1", "helmrepositories", namespace)
}

// HelmCharts returns a namespace's HelmCharts.
func HelmCharts(namespace string) Collection {
	return collection("source.toolkit.fluxcd.io", "v1", "helmcharts", namespace)
}

// Kustomizations returns a namespace's Kustomizations.
func Kustomizations(namespace string) Collection {
	return collection("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", namespace)
}

// HelmReleases returns a namespace's HelmReleases.
func HelmReleases(namespace string) Collection {
	return collection("helm.toolkit.fluxcd.io", "v2", "helmreleases", namespace)
}

// ImageRepositories returns a namespace's ImageRepositories.
func ImageRepositories(namespace string) Collection {
	return collection("image.toolkit.fluxcd.io", "v1", "imagerepositories", namespace)
}

// ImagePolicies returns a namespace's ImagePolicies.
func ImagePolicies(namespace string) Collection {
	return collection("image.toolkit.fluxcd.io", "v1", "imagepolicies", namespace)
}

// ImageUpdateAutomations returns a namespace's ImageUpdateAutomations.
func ImageUpdateAutomations(namespace string) Collection {
	return collection("image.toolkit.fluxcd.io", "v1", "imageupdateautomations", namespace)
}
