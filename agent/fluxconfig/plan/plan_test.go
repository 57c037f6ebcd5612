package plan_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig/plan"
)

func git(change func(*fairlead.FluxGit)) fairlead.FluxSpec {
	spec := fairlead.FluxSpec{
		Scope: fairlead.ScopeNamespace, Namespace: "shops", SourceKind: fairlead.SourceGit,
		GitRepository: &fairlead.FluxGit{URL: "https://git.example.org/shops.git", RepositoryRef: &fairlead.FluxGitRef{Branch: "main"}},
	}
	change(spec.GitRepository)
	return spec
}

// planned are the objects of a configuration as RESOURCE NAMESPACE/NAME, and their texts.
func planned(t *testing.T, c plan.Configuration) (names []string, texts map[string]string) {
	t.Helper()
	objects, err := c.Objects()
	if err != nil {
		t.Fatal(err)
	}
	texts = map[string]string{}
	for _, one := range objects {
		name := one.Where.Resource + " " + one.Where.Namespace + "/" + one.Name
		text, err := json.Marshal(one.Body)
		if err != nil {
			t.Fatal(err)
		}
		names, texts[name] = append(names, name), string(text)
	}
	return names, texts
}

func TestKustomizationsBecomeThoseOfFlux(t *testing.T) {
	spec := git(func(*fairlead.FluxGit) {})
	spec.Generation = 4
	no := false
	spec.Kustomizations = map[string]fairlead.FluxKustomization{
		"infra": {Path: "./infra", Prune: true},
		"apps":  {Path: "./apps", DependsOn: []string{"infra"}, Wait: &no, RetryIntervalInSeconds: 30, FluxRhythm: fairlead.FluxRhythm{SyncIntervalInSeconds: 60}},
	}
	names, texts := planned(t, plan.Configuration{Name: "web", Spec: spec})
	if want := []string{"gitrepositories shops/web", "kustomizations shops/web-apps", "kustomizations shops/web-infra"}; !slices.Equal(names, want) {
		t.Fatalf("objects %q, want %q", names, want)
	}
	for name, wants := range map[string][]string{
		"gitrepositories shops/web":      {`"url":"https://git.example.org/shops.git"`, `"ref":{"branch":"main"}`, `"interval":"10m0s"`, `"timeout":"10m0s"`, `"clusterconfig.azure.com/name":"web"`, `"reconcile.fluxcd.io/requestedAt":"4"`},
		"kustomizations shops/web-apps":  {`"dependsOn":[{"name":"web-infra"}]`, `"wait":false`, `"retryInterval":"30s"`, `"interval":"1m0s"`, `"serviceAccountName":"flux-applier"`},
		"kustomizations shops/web-infra": {`"sourceRef":{"kind":"GitRepository","name":"web"}`, `"prune":true`, `"wait":true`, `"path":"./infra"`},
	} {
		for _, want := range wants {
			if !strings.Contains(texts[name], want) {
				t.Errorf("%s lacks %s: %s", name, want, texts[name])
			}
		}
	}
	if strings.Contains(texts["kustomizations shops/web-infra"], "requestedAt") {
		t.Error("a change at the hub makes everything be applied again")
	}
	if strings.Contains(texts["kustomizations shops/web-infra"], "suspend") {
		t.Error("what a person has suspended in the cluster would be resumed")
	}
}

// Configurations of a namespace share its account, which is of no one of them.
func TestWhatIsAConfigurationsAloneBearsItsUID(t *testing.T) {
	spec := git(func(g *fairlead.FluxGit) { g.HTTPSUser = "me" })
	spec.Kustomizations = map[string]fairlead.FluxKustomization{"apps": {}}
	wanted := plan.Configuration{Name: "web", Owner: "8c3f1f0e-3b58-4e43-9f0c-1d2f6a7b8c9d", Spec: spec}
	names, texts := planned(t, wanted)
	if len(names) != 3 {
		t.Errorf("objects %q, want a Secret, a source and a kustomization", names)
	}
	const mark = `"clusterconfig.azure.com/owner-uid":"8c3f1f0e-3b58-4e43-9f0c-1d2f6a7b8c9d"`
	for _, name := range names {
		if !strings.Contains(texts[name], mark) {
			t.Errorf("%s lacks %s: %s", name, mark, texts[name])
		}
	}
	for _, one := range wanted.Account() {
		if text, err := json.Marshal(one.Body); err != nil || strings.Contains(string(text), "owner-uid") {
			t.Errorf("%s: %s, %v", one.Name, text, err)
		}
	}
}

func TestSources(t *testing.T) {
	cases := map[string]struct {
		spec     fairlead.FluxSpec
		settings map[string]string
		source   string
		has      []string
		secret   map[string]string // what the source's Secret holds
	}{
		"GitWithToken": {
			git(func(g *fairlead.FluxGit) {
				g.HTTPSUser, g.HTTPSCACert = "me", base64.StdEncoding.EncodeToString([]byte("PEM"))
			}),
			map[string]string{fairlead.FluxHTTPSKey: "pat"},
			"gitrepositories",
			[]string{`"secretRef":{"name":"web-auth"}`},
			map[string]string{"username": "me", "password": "pat", "ca.crt": "PEM"},
		},
		"GitWithOwnSecret": {
			git(func(g *fairlead.FluxGit) { g.LocalAuthRef = "mine" }), nil, "gitrepositories", []string{`"secretRef":{"name":"mine"}`}, nil,
		},
		"Bucket": {
			fairlead.FluxSpec{Namespace: "shops", SourceKind: fairlead.SourceBucket, Bucket: &fairlead.FluxBucket{URL: "http://minio.example.org:9000", BucketName: "b", Insecure: true, AccessKey: "a"}},
			map[string]string{fairlead.FluxBucketSecret: "s"},
			"buckets",
			[]string{`"provider":"generic"`, `"endpoint":"minio.example.org:9000"`, `"insecure":true`, `"bucketName":"b"`},
			map[string]string{"accesskey": "a", "secretkey": "s"},
		},
		"BlobWithKey": {
			fairlead.FluxSpec{Namespace: "shops", SourceKind: fairlead.SourceAzureBlob, AzureBlob: &fairlead.FluxBlob{URL: "https://x.blob.core.windows.net", ContainerName: "c"}},
			map[string]string{fairlead.FluxBlobKey: "k"},
			"buckets",
			[]string{`"provider":"azure"`, `"endpoint":"https://x.blob.core.windows.net"`, `"bucketName":"c"`},
			map[string]string{"accountKey": "k"},
		},
		"BlobWithPrincipal": {
			fairlead.FluxSpec{Namespace: "shops", SourceKind: fairlead.SourceAzureBlob, AzureBlob: &fairlead.FluxBlob{
				URL: "https://x.blob.core.windows.net", ContainerName: "c", ServicePrincipal: &fairlead.FluxServicePrincipal{ClientID: "i", TenantID: "t", ClientCertificateSendChain: true},
			}},
			map[string]string{fairlead.FluxSPCertificate: "PEM"},
			"buckets", nil,
			map[string]string{"clientId": "i", "tenantId": "t", "clientCertificate": "PEM", "clientCertificateSendChain": "true"},
		},
		"OCI": {
			fairlead.FluxSpec{Namespace: "shops", SourceKind: fairlead.SourceOCI, OCIRepository: &fairlead.FluxOCI{URL: "oci://registry.example.org:5000/a/b", RepositoryRef: &fairlead.FluxOCIRef{SemVer: ">1"}}},
			map[string]string{fairlead.FluxOCIUser: "u", fairlead.FluxOCIPassword: "p"},
			"ocirepositories",
			[]string{`"ref":{"semver":"\u003e1"}`},
			map[string]string{corev1.DockerConfigJsonKey: `{"auths":{"registry.example.org:5000":{"auth":"dTpw","password":"p","username":"u"}}}`},
		},
		"OCIOfAzure": {
			fairlead.FluxSpec{Namespace: "shops", SourceKind: fairlead.SourceOCI, OCIRepository: &fairlead.FluxOCI{URL: "oci://shops.azurecr.io/a"}},
			nil,
			"ocirepositories",
			[]string{`"provider":"azure"`},
			nil,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			wanted := plan.Configuration{Name: "web", Spec: c.spec, Settings: c.settings, NodeIdentity: true}
			_, texts := planned(t, wanted)
			for _, want := range c.has {
				if !strings.Contains(texts[c.source+" shops/web"], want) {
					t.Errorf("the source lacks %s: %s", want, texts[c.source+" shops/web"])
				}
			}
			data := secretOf(t, texts)
			if len(data) != len(c.secret) {
				t.Errorf("the Secret holds %d keys, want %d", len(data), len(c.secret))
			}
			for key, want := range c.secret {
				if got := string(data[key]); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
		})
	}
}

// secretOf is what the Secret of the source holds, if there is one.
func secretOf(t *testing.T, texts map[string]string) map[string][]byte {
	t.Helper()
	for _, name := range []string{"web-auth", "web-login"} {
		if text, there := texts["secrets shops/"+name]; there {
			var secret corev1.Secret
			if err := json.Unmarshal([]byte(text), &secret); err != nil {
				t.Fatal(err)
			}
			return secret.Data
		}
	}
	return nil
}

func TestASourceThatIsNotDescribedIsSaid(t *testing.T) {
	if _, err := (plan.Configuration{Name: "web", Spec: fairlead.FluxSpec{SourceKind: fairlead.SourceBucket}}).Objects(); fairlead.KindOf(err) != fairlead.Invalid {
		t.Errorf("error %v", err)
	}
}

// A configuration of one namespace must not get what one of the cluster has.
func TestTheAccountHasTheRightsOfItsScope(t *testing.T) {
	for scope, want := range map[string]string{
		fairlead.ScopeNamespace: "rolebindings shops/flux-applier admin", fairlead.ScopeCluster: "clusterrolebindings /flux-applier-shops cluster-admin",
	} {
		objects := plan.Configuration{Spec: fairlead.FluxSpec{Scope: scope, Namespace: "shops"}}.Account()
		text, err := json.Marshal(objects[1].Body)
		if err != nil {
			t.Fatal(err)
		}
		var binding struct {
			RoleRef struct{ Name string } `json:"roleRef"`
		}
		if err := json.Unmarshal(text, &binding); err != nil {
			t.Fatal(err)
		}
		if got := objects[1].Where.Resource + " " + objects[1].Where.Namespace + "/" + objects[1].Name + " " + binding.RoleRef.Name; got != want {
			t.Errorf("%s: %s, want %s", scope, got, want)
		}
	}
}
