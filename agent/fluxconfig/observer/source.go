package observer

// sources are the kinds that read from a server, or whose source does, and what is in a Secret by which that is authenticated.
var sources = map[string]string{ //nolint:gochecknoglobals // a constant
	"GitRepository":  "username and password, or identity and known_hosts",
	"HelmRepository": "username and password",
	"OCIRepository":  ".dockerconfigjson, as kubectl create secret docker-registry makes it",
	"Bucket":         "accesskey and secretkey",
	"HelmChart":      "what its kind takes",
	"HelmRelease":    "what its kind takes",
}

// sourceAdvice comes before the rest for sources that a kustomization has applied, and for what is made of them.
var sourceAdvice = []advice{ //nolint:gochecknoglobals // a constant
	{
		when:  pattern.noSuchSecret,
		then:  "The Secret is not in the namespace of {object}: make it there.",
		given: "Secret {namespace}/{secret}, which {object} names, is not there: kubectl create secret generic {secret} -n {namespace}, with {keys}.",
	},
	{
		when:  pattern.refused,
		then:  "The source asks for credentials: make a Secret in the namespace of {object}, with {keys}, and name it as its spec.secretRef.",
		given: "The source refuses the credentials: put the right ones into Secret {namespace}/{secret}, spec.secretRef of {object}, as {keys}.",
	},
	{
		when:  pattern.otherHostKey,
		then:  "The host shows another ssh key than the known one: put it into the Secret that is spec.secretRef of {object}, as known_hosts.",
		given: "The host shows another ssh key than the known one: put it into Secret {namespace}/{secret}, spec.secretRef of {object}, as known_hosts.",
	},
	{when: pattern.noSuchRevision, then: "The branch, tag or commit is not there: name one that is in spec.ref of {object}."},
	{when: pattern.noSuchBucket, then: "There is no such bucket: name one that is in spec.bucketName of {object}."},
	{when: pattern.noSuchRepository, then: "There is no such repository, or it is hidden from who has no credentials: check spec.url of {object}, or give credentials by its spec.secretRef."},
	{
		when: pattern.unknownAuthority,
		then: "Give the authority that vouches for the server: a Secret with ca.crt as {certs} of {object}, or setting trust.caBundle of extension microsoft.flux for all.",
	},
}
