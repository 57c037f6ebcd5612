package extension_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension"
	"github.com/fairlead/fairlead/agent/protected"
)

// closedRegistry is a registry over TLS with chart "closed", which lets in who has the password.
func (s *stage) closedRegistry(password string, token bool) *httptest.Server {
	s.t.Helper()
	open := httptest.NewServer(registry.New())
	s.t.Cleanup(open.Close)
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(empty.Image, "application/vnd.cncf.helm.config.v1+json"),
		static.NewLayer(pack(s.t, "closed", "1.0.0", map[string]string{"note.yaml": note}), "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
	if err != nil {
		s.t.Fatal(err)
	}
	reference, err := name.ParseReference(strings.TrimPrefix(open.URL, "http://") + "/charts/closed:1.0.0")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := remote.Write(reference, image); err != nil {
		s.t.Fatal(err)
	}
	closed := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, given, _ := r.BasicAuth()
		known := user == "reader" && given == password
		switch {
		case token && known && r.URL.Path == "/token":
			fmt.Fprint(w, `{"token":"t0ken"}`)
		case token && r.Header.Get("Authorization") == "Bearer t0ken", !token && known:
			open.Config.Handler.ServeHTTP(w, r)
		case token && r.URL.Path != "/token":
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+r.Host+`/token",service="charts"`)
			http.Error(w, "no token", http.StatusUnauthorized)
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			http.Error(w, "not with "+given+" "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		}
	}))
	s.t.Cleanup(closed.Close)
	return closed
}

// closedSpec is an extension whose chart is in a registry.
func (s *stage) closedSpec(in *httptest.Server, generation int64) fairlead.ExtensionSpec {
	spec := s.spec("closed", generation)
	spec.ExtensionType = "contoso.closed"
	spec.Chart = fairlead.ExtensionChart{
		Repository: "oci://" + strings.TrimPrefix(in.URL, "https://") + "/charts/closed",
		CABundle:   string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: in.Certificate().Raw})),
	}
	return spec
}

// let gives the cluster credentials for the registry, as config-agent does.
func (s *stage) let(spec fairlead.ExtensionSpec, password string) {
	s.t.Helper()
	secret, err := protected.Secret(s.namespace, fairlead.ExtensionRegistryPrefix+"closed", password, map[string]string{
		fairlead.RegistryHost: spec.Chart.Host(), fairlead.RegistryUsername: "reader", fairlead.RegistryPassword: password,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.apply(secrets(), s.namespace, map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": secret.Name}, "data": secret.Data})
}

// trusting trusts the authorities that the chart names, as the agents do.
func trusting(m *extension.Manager) {
	m.Charts.Outward = func(authorities []byte) *http.Transport {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(authorities)
		return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	}
	m.Charts.Folder = "" // each installation asks the registry
}

func TestAChartInARegistryThatAsksForCredentials(t *testing.T) {
	for kind, token := range map[string]bool{"password": false, "token": true} {
		t.Run(kind, func(t *testing.T) {
			s := newStage(t)
			s.start(trusting)
			spec := s.closedSpec(s.closedRegistry("second-p4ss", token), 1)
			s.want("closed", spec)
			s.refused("closed", 1, "")
			spec.Generation = 2
			s.let(spec, "first-p4ss")
			s.want("closed", spec)
			s.refused("closed", 2, "first-p4ss")
			s.let(spec, "second-p4ss")
			spec.Generation = 3
			s.want("closed", spec)
			if state := s.ends("closed", 3, time.Minute); state.ProvisioningState != fairlead.ExtensionSucceeded || s.data("closed-note")["version"] != "1.0.0" {
				t.Fatalf("state %+v, error %+v", state, state.ErrorInfo)
			}
			s.holdsNothing("second-p4ss")
		})
	}
}

// refused demands that an operation has failed for want of credentials, says what to type, and shows no secret.
func (s *stage) refused(name string, generation int64, secret string) {
	s.t.Helper()
	state := s.ends(name, generation, time.Minute)
	if state.ErrorInfo == nil || state.ErrorInfo.Code != fairlead.CauseChartDownload || !strings.Contains(state.ErrorInfo.Cause, "asks for credentials, or refuses those that it got") {
		s.t.Fatalf("state %+v, error %+v", state, state.ErrorInfo)
	}
	if said := strings.Join(state.ErrorInfo.Remedies, "\n"); !strings.Contains(said, "fairlead extension-type update contoso.closed --username NAME --password-file FILE --credentials-for-clusters") {
		s.t.Errorf("remedies %s", said)
	}
	if text := fmt.Sprintf("%+v %+v", state, *state.ErrorInfo); secret != "" && strings.Contains(text, secret) {
		s.t.Errorf("the state shows the password: %s", text)
	}
}

// holdsNothing demands that nothing but the Secret of the credentials holds them: no state, and no record of Helm's.
func (s *stage) holdsNothing(secret string) {
	s.t.Helper()
	all, err := s.in(configs(), s.namespace).List(s.t.Context(), metav1.ListOptions{})
	if err != nil || len(all.Items) == 0 {
		s.t.Fatal(len(all.Items), err)
	}
	text := fmt.Sprintf("%+v", all.Items)
	for _, revision := range s.revisions("closed") {
		text += fmt.Sprintf("%+v %+v %+v %+v", revision.Config, revision.Chart.Values, revision.Manifest, revision.Info)
	}
	if strings.Contains(text, secret) {
		s.t.Error("the credentials are in a state or in Helm's record")
	}
}
