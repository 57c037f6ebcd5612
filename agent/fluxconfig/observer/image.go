package observer

// The kinds of images that are treated apart.
const (
	imageRepository = "ImageRepository"
	imagePolicy     = "ImagePolicy"
	imageAutomation = "ImageUpdateAutomation"
)

// imageAdvice comes before the rest for objects of a kind: what they want is said in them, and not at the hub.
var imageAdvice = map[string][]advice{ //nolint:gochecknoglobals // a constant
	imageRepository: {
		{matching(`secrets? "?[^ ]*"? not found|failed to get secret`), "The Secret is not in the namespace of the ImageRepository: make it there."},
		{matching(`unauthorized|authentication required|denied|forbidden|status code 40[13]`), "The registry refuses the credentials: name a Secret that has them as spec.secretRef of the ImageRepository."},
		{matching(`name[ _]unknown|repository not found|404 not found|status code 404`), "There is no such image, or it is hidden from who has no credentials: check spec.image of the ImageRepository."},
		{
			matching(`x509:|certificate signed by unknown authority`),
			"Give the authority that vouches for the registry: a Secret with ca.crt as spec.certSecretRef of the ImageRepository, or setting trust.caBundle of extension microsoft.flux for all.",
		},
	},
	imagePolicy: {
		{matching(`version list argument cannot be empty|unable to determine latest version`), "No tag of the image is one that the policy takes: check its range and filter, or push such a tag."},
	},
	imageAutomation: {
		{
			matching(`failed to push.*(authentication required|authorization failed|permission denied|unable to authenticate|not permitted|read[- ]only|status code: 40[13])`),
			"The configuration's credentials may not push: give it ones that may, --https-user with --https-key-file, or --ssh-private-key-file of a deploy key that may write.",
		},
	},
}
