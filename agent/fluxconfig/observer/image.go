package observer

// The kinds of images that are treated apart.
const (
	imageRepository = "ImageRepository"
	imagePolicy     = "ImagePolicy"
	imageAutomation = "ImageUpdateAutomation"
)

// login is the command that makes a Secret for a registry.
const login = "kubectl create secret docker-registry {secret} -n {namespace} --docker-server={host} --docker-username=USER --docker-password=PASSWORD"

// imageAdvice comes before the rest for objects of a kind: what they want is said in them, and not at the hub.
var imageAdvice = map[string][]advice{ //nolint:gochecknoglobals // a constant
	imageRepository: {
		{
			when:  pattern.noSuchSecret,
			then:  "The Secret is not in the namespace of the ImageRepository: make it there.",
			given: "The Secret is not in the namespace of the ImageRepository: " + login + ".",
		},
		{
			when:  matching(`unauthorized|authentication required|denied|forbidden|status code 40[13]`),
			then:  "The registry wants credentials: " + login + ", and name that Secret as spec.secretRef of the ImageRepository.",
			given: "The registry refuses the credentials in Secret {namespace}/{secret}: " + login + " --dry-run=client -o yaml | kubectl apply -f -.",
		},
		{
			when: matching(`name[ _]unknown|repository not found|404 not found|status code 404`),
			then: "There is no such image, or it is hidden from who has no credentials: check spec.image of the ImageRepository.",
		},
		{
			when: pattern.unknownAuthority,
			then: "Give the authority that vouches for the registry: a Secret with ca.crt as spec.certSecretRef of the ImageRepository, or setting trust.caBundle of extension microsoft.flux for all.",
		},
	},
	imagePolicy: {{
		when: matching(`version list argument cannot be empty|unable to determine latest version`),
		then: "No tag of the image is one that the policy takes: check its range and filter, or push such a tag.",
	}},
	imageAutomation: {{
		when: matching(`failed to push.*(authentication required|authorization failed|permission denied|unable to authenticate|not permitted|read[- ]only|status code: 40[13])`),
		then: "The configuration's credentials may not push: give it ones that may, --https-user with --https-key-file, or --ssh-private-key-file of a deploy key that may write.",
	}},
}
