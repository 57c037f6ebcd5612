package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// diagnosis is what doctor says.
type diagnosis struct {
	Findings []struct {
		ID, Status, CausedBy, Reason string
		Evidence                     []struct{ Text string }
	}
}

// doctor looks at areas of the cluster, the agents and the network unless others are named, and from a pod of it as well.
func (s *stage) doctor(areas ...string) diagnosis {
	s.t.Helper()
	if len(areas) == 0 {
		areas = []string{"ARC", "NET"}
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	result, err := s.cli.Run(ctx, append([]string{"doctor", "--probe", "-o", "json"}, areas...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	var found diagnosis
	if err := json.Unmarshal([]byte(result.Out), &found); err != nil {
		s.t.Fatalf("doctor printed no JSON (%d): %v\n%.2000s%.2000s", result.Code, err, result.Out, result.Err)
	}
	return found
}

// problems are the root causes, and what could not be told.
func (d diagnosis) problems() []string {
	var found []string
	for _, f := range d.Findings {
		if f.CausedBy == "" && f.Status != "pass" && f.Status != "skipped" {
			found = append(found, f.ID+" "+f.Status+" "+f.Reason)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// becomesHealthy waits until doctor has nothing to say.
func (s *stage) becomesHealthy(areas ...string) {
	s.t.Helper()
	s.eventually(90*time.Second, func() string { return strings.Join(s.doctor(areas...).problems(), "\n") })
}

// becomesRoot waits until one entry is the only cause.
func (s *stage) becomesRoot(id string, areas ...string) {
	s.t.Helper()
	s.eventually(90*time.Second, func() string {
		found := s.doctor(areas...).problems()
		if len(found) == 1 && strings.HasPrefix(found[0], id+" ") {
			return ""
		}
		return "doctor says " + strings.Join(found, "\n")
	})
}

// doctorIsContent: nothing is wrong with a cluster that has cluster connect, and its WebSocket was tried.
func doctorIsContent(w *ways) {
	w.becomesHealthy()
	tried := false
	for _, f := range w.doctor().Findings {
		tried = tried || f.ID == "NET-06" && f.Status == "pass"
	}
	if !tried {
		w.t.Error("doctor has not tried the WebSocket")
	}
}

// doctorMissesCertificate takes the certificates between the two agents away, with what would make them anew.
func doctorMissesCertificate(w *ways) {
	for _, one := range []string{"controller-manager", "clusteridentityoperator"} { // the first would bring the second back, that the Secret
		w.kubectl("scale", "deployment", one, "-n", "azure-arc", "--replicas=0")
		w.eventually(60*time.Second, func() string {
			return w.kubectl("get", "pods", "-n", "azure-arc", "-l", "app.kubernetes.io/component="+one, "-o", "name")
		})
	}
	w.kubectl("delete", "secret", "kube-aad-proxy-certificate", "-n", "azure-arc")
	w.kubectl("delete", "pods", "-n", "azure-arc", "-l", "app.kubernetes.io/component=kube-aad-proxy", "--wait=false")
	w.eventually(90*time.Second, func() string {
		found := w.doctor().problems()
		if slices.ContainsFunc(found, func(one string) bool { return strings.HasPrefix(one, "ARC-12 fail ") }) {
			return ""
		}
		return "doctor says " + strings.Join(found, "\n")
	})
	w.must("connectedk8s", "update", "-n", edge, "-g", "default", "--tags", "site=quay")
	w.kubectl("scale", "deployment", "controller-manager", "clusteridentityoperator", "-n", "azure-arc", "--replicas=1")
	w.worksWithin(90 * time.Second)
	w.becomesHealthy()
}

// strictPods: the agents keep to the strictest of Kubernetes' levels, so that ARC-11 is nothing to fear.
func strictPods(w *ways) {
	w.kubectl("label", "namespace", "azure-arc", "pod-security.kubernetes.io/enforce=restricted", "--overwrite")
	for _, agent := range connectAgents() {
		w.kubectl("rollout", "restart", "deployment/"+agent, "-n", "azure-arc")
		w.kubectl("rollout", "status", "deployment/"+agent, "-n", "azure-arc", "--timeout=60s")
	}
	w.worksWithin(45 * time.Second)
	w.becomesHealthy()
	w.kubectl("label", "namespace", "azure-arc", "pod-security.kubernetes.io/enforce-")
}

// doctorMissesUpgrades puts a proxy on the way that forbids WebSockets.
func doctorMissesUpgrades(w *ways) {
	proxy := &rig.Interceptor{}
	var err error
	if proxy.Hub, err = w.stage.hub.Client(); err != nil {
		w.t.Fatal(err)
	}
	proxy.Hub.Timeout = 2 * time.Minute // long polls
	if err := proxy.Start(w.t.Context(), w.cluster.HostAddress); err != nil {
		w.t.Fatal(err)
	}
	authority := filepath.Join(w.t.TempDir(), "proxy.crt")
	if err := os.WriteFile(authority, proxy.Authority, 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.must("connectedk8s", "update", "-n", edge, "-g", "default", "--proxy-https", proxy.URL(), "--proxy-cert", authority,
		"--proxy-skip-range", "10.96.0.0/16,kubernetes.default.svc,.svc.cluster.local,.svc")
	w.eventually(60*time.Second, func() string { return w.hub.complaint(w.t, "get configmaps -n still", noAgent) })
	w.becomesRoot("NET-06")
	w.must("connectedk8s", "update", "-n", edge, "-g", "default", "--disable-proxy")
	w.worksWithin(60 * time.Second)
	w.becomesHealthy()
}
