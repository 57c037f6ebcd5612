package aadproxy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	authenticationv1 "k8s.io/api/authentication/v1"
)

// policyFake is what kube-aad-proxy asks of the API server for itself: the one ConfigMap, and whose tokens are. A real one is
// asked in the tests of package agent.
type policyFake struct {
	reviews atomic.Int32

	mu      sync.Mutex
	text    string // empty: there is no policy
	version int
	changed chan struct{}
}

func newPolicyFake() *policyFake { return &policyFake{version: 1, changed: make(chan struct{})} }

// policy sets the owner's policy.
func (p *policyFake) policy(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.version = text, p.version+1
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *policyFake) now() (string, int, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text, p.version, p.changed
}

func (p *policyFake) serve(w http.ResponseWriter, r *http.Request) bool {
	mine := r.Header.Get("Authorization") == "Bearer "+ownToken && r.Header.Get("Impersonate-User") == ""
	switch {
	case mine && r.URL.Path == "/api/v1/namespaces/azure-arc/configmaps":
		w.Header().Set("Content-Type", "application/json")
		p.configMaps(w, r)
	case mine && r.URL.Path == "/apis/authentication.k8s.io/v1/tokenreviews":
		w.Header().Set("Content-Type", "application/json")
		p.review(w, r)
	default:
		return false
	}
	return true
}

func (p *policyFake) configMaps(w http.ResponseWriter, r *http.Request) {
	text, version, changed := p.now()
	object := func(version int) map[string]any {
		text, _, _ := p.now()
		return map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]string{"policy.yaml": text},
			"metadata": map[string]any{"name": "cluster-connect-policy", "namespace": "azure-arc", "resourceVersion": fmt.Sprint(version)},
		}
	}
	if r.URL.Query().Get("sendInitialEvents") != "" {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"Invalid","code":422}`)
		return
	}
	encoder := json.NewEncoder(w)
	if r.URL.Query().Get("watch") == "" {
		items := []any{}
		if text != "" {
			items = append(items, object(version))
		}
		_ = encoder.Encode(map[string]any{"apiVersion": "v1", "kind": "ConfigMapList", "items": items, "metadata": map[string]any{"resourceVersion": fmt.Sprint(version)}})
		return
	}
	for {
		if fmt.Sprint(version) != r.URL.Query().Get("resourceVersion") {
			now, version, _ := p.now()
			kind := "MODIFIED"
			if now == "" {
				kind = "DELETED"
			}
			_ = encoder.Encode(map[string]any{"type": kind, "object": object(version)})
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-changed:
			_, version, changed = p.now()
		}
	}
}

// review knows tokens of the form user-of-ci-deployer.
func (p *policyFake) review(w http.ResponseWriter, r *http.Request) {
	p.reviews.Add(1)
	var asked authenticationv1.TokenReview
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if account, known := strings.CutPrefix(asked.Spec.Token, "token-of-"); known {
		asked.Status.Authenticated = true
		asked.Status.User.Username = "system:serviceaccount:" + strings.Replace(account, "-", ":", 1)
		asked.Status.User.Groups = []string{"system:serviceaccounts"}
	}
	asked.APIVersion, asked.Kind = "authentication.k8s.io/v1", "TokenReview"
	_ = json.NewEncoder(w).Encode(asked)
}
