package e2e_test

import (
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// The login of the registry that asks for one.
const lockedUser, lockedPassword = "reader", "bollard-37"

// opens serves the repository over ssh, and a registry that asks for credentials, for all parts of the story.
func (i *images) opens() {
	i.t.Helper()
	i.door = i.overSSH()
	i.locked = &rig.Registry{User: lockedUser, Password: lockedPassword, Tags: []string{"1.0.0", "1.1.0"}}
	if err := i.locked.Start(i.t.Context(), i.cluster.HostAddress); err != nil {
		i.t.Fatal(err)
	}
}

// tagged is a note that says which tag a policy has chosen.
const tagged = `apiVersion: v1
kind: ConfigMap
metadata: {name: note, namespace: vault}
data:
  text: 1.0.0 # {"$imagepolicy": "vault:app:tag"}
`

// guarded has the objects that follow an image of the locked registry.
func (i *images) guarded() string {
	return `apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app, namespace: vault}
spec: {image: ` + i.locked.Image() + `, interval: 5s, secretRef: {name: door}, certSecretRef: {name: authority}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: app, namespace: vault}
spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.x}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: app, namespace: vault}
spec:
  interval: 5s
  sourceRef: {kind: GitRepository, name: vault}
  git:
    commit: {author: {name: Vault, email: vault@example.org}}
    push: {branch: main}
  update: {path: ./vault}
`
}

// registryWantsCredentials follows an image whose registry asks for a login: without the Secret, with a wrong one, and with the right one.
// The repository is read over ssh, with a key that may not push.
func registryWantsCredentials(i *images) {
	private, public := sshKey(i.t)
	if err := i.door.Admit([]byte(public)); err != nil {
		i.t.Fatal(err)
	}
	i.commit("a note of a tag", map[string]string{"vault/note.yaml": tagged, "vault/images.yaml": i.guarded()})
	i.applies("vault", "./vault", "-u", i.door.URL, "--branch", "main", "--ssh-private-key-file", i.file(private), "--known-hosts-file", i.file(i.door.KnownHosts))
	i.kubectl("create", "secret", "generic", "authority", "-n", "vault", "--from-file=ca.crt="+i.file(string(i.locked.Authority)))
	host, _, _ := strings.Cut(i.locked.Image(), "/")
	toType := "kubectl create secret docker-registry door -n vault --docker-server=" + host
	i.says("vault", "ImageRepository vault/app: ", `"door" not found`, toType)
	i.unlock(host, "guessed")
	i.says("vault", "ImageRepository vault/app: ", "UNAUTHORIZED", "refuses the credentials in Secret vault/door", toType)
	i.unlock(host, lockedPassword)
	i.says("vault", "ImageUpdateAutomation vault/app: ", "may not push", "--ssh-private-key-file")
	i.hides("vault", lockedPassword)
	i.hides("vault", private)
	i.mayPush(public)
}

// unlock makes the Secret as the advice has it.
func (i *images) unlock(host, password string) {
	i.t.Helper()
	i.apply(i.kubectl("create", "secret", "docker-registry", "door", "-n", "vault", "--docker-server="+host, "--docker-username="+lockedUser,
		"--docker-password="+password, "--dry-run=client", "-o", "yaml"))
}

// mayPush lets the key of the configuration push, and waits for the commit that comes of it.
func (i *images) mayPush(public string) {
	i.t.Helper()
	if err := i.door.AdmitToPush([]byte(public)); err != nil {
		i.t.Fatal(err)
	}
	begin, commit := time.Now(), ""
	i.eventually(time.Minute, func() string {
		commit, _ = i.pulled()
		text, err := i.git.Read("vault/note.yaml")
		if err != nil || !strings.Contains(text, "text: 1.1.0 #") {
			return "the repository has\n" + text
		}
		return ""
	})
	i.t.Logf("from the right to push to the commit: %s", time.Since(begin).Round(100*time.Millisecond))
	i.holds("vault", "vault", at(commit), "1.1.0")
}

// switches switches the controllers of images on or off, and wants these to run then.
func (i *images) switches(on, running string) {
	i.t.Helper()
	i.settings("image-automation-controller.enabled="+on, "image-reflector-controller.enabled="+on)
	i.runs(running)
}

// imagesAreSwitchedOff switches the controllers off while there are objects for them: that is said, and over when they are on again.
func imagesAreSwitchedOff(i *images) {
	i.switches("false", wholeFlux)
	for name, object := range map[string]string{"shop": "shops/till", "vault": "vault/app"} {
		i.says(name, "ImagePolicy "+object+": image-reflector-controller does not run", "--config image-reflector-controller.enabled=true")
	}
	i.switches("true", fluxWithImages)
	i.push("1.3.0")
	i.sells("1.3.0")
}

// imagesGoWithoutControllers deletes objects, from the source and with configurations, that nobody looks after any more.
func imagesGoWithoutControllers(i *images) {
	i.switches("false", wholeFlux)
	commit := i.commit("no more tags", map[string]string{"app/images.yaml": "", "app/note.yaml": note("by hand")})
	i.complies(commit, "by hand")
	i.kubectl("delete", "secret", "door", "authority", "-n", "vault") // a namespace with things of other people would stay
	for _, name := range []string{"vault", "shop"} {
		begin := time.Now()
		i.flux("delete", name, "--yes")
		i.t.Logf("%s is gone after %s", name, time.Since(begin).Round(100*time.Millisecond))
	}
	if left := i.kubectl("get", "namespace", "shops", "vault", "--ignore-not-found", "-o", "name"); left != "" {
		i.t.Errorf("left is %s", left)
	}
	if left := i.kubectl("get", "imagerepositories,imagepolicies,imageupdateautomations", "-A", "-o", "name"); left != "" {
		i.t.Errorf("left is %s", left)
	}
}
