package check

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const netTestCorefile = ".:53 {\n    errors\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n    forward . /etc/resolv.conf\n    cache 30\n    loop\n    reload\n    import custom/*.override\n}\nimport custom/*.server\n"

// netAuthority makes certificates.
type netAuthority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newNetAuthority(t *testing.T, name string) *netAuthority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &netAuthority{t: t, key: key}
	a.cert = a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: arcNow().Add(-time.Hour), NotAfter: arcNow().Add(1000 * time.Hour),
	}, nil)
	return a
}

func (a *netAuthority) sign(template, parent *x509.Certificate) *x509.Certificate {
	a.t.Helper()
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &a.key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate
}

func (a *netAuthority) leaf(host string, from time.Time) []byte {
	return a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: from, NotAfter: arcNow().Add(500 * time.Hour),
	}, a.cert).Raw
}

func (a *netAuthority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// netTLS is a handshake that the authority vouches for.
func (a *netAuthority) tls(host string, from time.Time) wire.Stage {
	return wire.Stage{Name: wire.StageTLS, OK: true, Chain: [][]byte{a.leaf(host, from)}, Detail: map[string]string{
		wire.DetailIssuer: "CN=" + a.cert.Subject.CommonName, wire.DetailSubject: "CN=" + host, wire.DetailNotBefore: from.UTC().Format(time.RFC3339),
	}}
}

// netDNSIn adds CoreDNS as it is in most clusters.
func netDNSIn(s *snapshot.Snapshot) {
	yes, one := true, int32(1)
	labels := map[string]string{"k8s-app": "kube-dns"}
	old := metav1.NewTime(arcNow().Add(-24 * time.Hour))
	s.Services = append(s.Services,
		corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-dns", Labels: labels}, Spec: corev1.ServiceSpec{ClusterIP: "10.0.0.10", Ports: []corev1.ServicePort{{Port: 53}}}},
		corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"}, Spec: corev1.ServiceSpec{ClusterIP: "10.0.0.1"}})
	s.EndpointSlices = append(s.EndpointSlices, discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-dns-x", Labels: map[string]string{"kubernetes.io/service-name": "kube-dns"}},
		Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{"10.244.0.2"}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}}},
	})
	d := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns", CreationTimestamp: old}, Spec: appsv1.DeploymentSpec{Replicas: &one}}
	d.Spec.Template.Labels = labels
	d.Status = appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	s.Deployments = append(s.Deployments, d)
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns-5d8f-x", Labels: labels, CreationTimestamp: old}}
	pod.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "coredns-5d8f", Controller: &yes}}
	pod.Labels = map[string]string{"k8s-app": "kube-dns", "pod-template-hash": "5d8f"}
	pod.Spec.Containers = []corev1.Container{{Name: "coredns"}}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "coredns", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: old}}}}}
	s.Pods = append(s.Pods, pod)
	s.ConfigMaps = append(s.ConfigMaps, corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns", CreationTimestamp: old}, Data: map[string]string{"Corefile": netTestCorefile}})
}

// netProbe lets everything that the plan of a place asks for go well.
func netProbe(s *snapshot.Snapshot, a *netAuthority, place endpoint.Place) *wire.Result {
	for _, r := range []snapshot.Resource{snapshot.ProbeFromPod, snapshot.ProbeFromNode} {
		s.Coverage[r] = &snapshot.Coverage{Served: true, All: true}
	}
	plan := endpoint.Of(s).Plan(place)
	result := &wire.Result{Version: wire.Version, Started: arcNow(), Millis: 900, Resolver: wire.Resolver{NameServers: []string{"10.0.0.10"}}}
	for _, target := range plan.Targets {
		host := netName(target.URL)
		stages := []wire.Stage{{Name: wire.StageDNS, OK: true, Detail: map[string]string{wire.DetailAddresses: "20.1.1.1"}}, {Name: wire.StageTCP, OK: true}}
		if target.Proxy != "" {
			stages = append(stages, wire.Stage{Name: wire.StageConnect, OK: true})
		}
		stages = append(stages, a.tls(host, arcNow().Add(-time.Hour)))
		date := map[string]string{wire.DetailStatus: "401", wire.DetailHeader + "date": arcNow().Format(http.TimeFormat), wire.DetailHeader + "server": "Microsoft-HTTPAPI/2.0"}
		if target.Kind == wire.WebSocket {
			stages = append(stages, wire.Stage{Name: wire.StageWebSocket, Reason: wire.ReasonStatus, Error: "401", Detail: date})
		} else {
			stages = append(stages, wire.Stage{Name: wire.StageHTTP, OK: true, Detail: date})
		}
		result.Targets = append(result.Targets, wire.TargetResult{Name: target.Name, URL: target.URL, Kind: target.Kind, Proxy: target.Proxy, Stages: stages})
	}
	for _, name := range plan.Lookups {
		address := "20.1.1.1"
		if strings.HasPrefix(name, "kubernetes.") {
			address = "10.0.0.1"
		}
		result.Lookups = append(result.Lookups, wire.Lookup{Name: name, Servers: []wire.Answer{{Server: "10.0.0.10:53", RCode: "NOERROR", Addresses: []string{address}}}})
	}
	return result
}

// netCluster is a healthy cluster of Azure Arc with DNS, behind a proxy whose authority the agents have, seen with probes.
func netCluster(t *testing.T, a *netAuthority) *snapshot.Snapshot {
	t.Helper()
	s := arcAzure()
	s.ConfigMaps[0].Data[fairlead.KeyRegion] = "westeurope"
	return netComplete(s, a)
}

func netComplete(s *snapshot.Snapshot, a *netAuthority) *snapshot.Snapshot {
	netDNSIn(s)
	s.Certificates = append(s.Certificates, snapshot.Certificate{Namespace: arcSpace, Secret: "proxy-cert", Key: "cert", PEM: a.pem()})
	s.Probe = &snapshot.Probe{
		Pod: &snapshot.Place{Where: "azure-arc/probe on node-1", Result: netProbe(s, a, endpoint.Pod)}, Node: &snapshot.Place{Where: "node-1", Result: netProbe(s, a, endpoint.Node)},
		Client: &snapshot.Place{Where: "here", Result: netProbe(s, a, endpoint.Client)},
	}
	return s
}

// netFail ends the way to targets at a stage.
func netFail(result *wire.Result, which func(wire.TargetResult) bool, stage wire.Stage) {
	for i := range result.Targets {
		target := &result.Targets[i]
		if !which(*target) {
			continue
		}
		var stages []wire.Stage
		for _, one := range target.Stages {
			if one.Name == stage.Name {
				break
			}
			stages = append(stages, one)
		}
		target.Stages = append(stages, stage)
	}
}

func netAll(wire.TargetResult) bool { return true }

func netCalled(name string) func(wire.TargetResult) bool {
	return func(t wire.TargetResult) bool { return t.Name == name }
}

func netAnswer(result *wire.Result, code string, which func(name string) bool) {
	for i := range result.Lookups {
		if which(result.Lookups[i].Name) {
			result.Lookups[i].Servers = []wire.Answer{{Server: "10.0.0.10:53", RCode: code}}
		}
	}
}

func netInternal(name string) bool { return strings.HasPrefix(name, "kubernetes.") }

// netShake lets an authority vouch for targets.
func netShake(result *wire.Result, which func(wire.TargetResult) bool, by *netAuthority, from time.Time) {
	for i := range result.Targets {
		for j, stage := range result.Targets[i].Stages {
			if stage.Name == wire.StageTLS && which(result.Targets[i]) {
				result.Targets[i].Stages[j] = by.tls(netName(result.Targets[i].URL), from)
			}
		}
	}
}
