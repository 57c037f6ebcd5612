package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fairlead/fairlead/test/cluster/pki"
)

const (
	administrator = "fairlead-test-admin"
	serviceIP     = "10.96.0.1"
	dnsIP         = "10.96.0.10"
	serviceCIDR   = "10.96.0.0/16"
	podCIDR       = "10.244.0.0/16"
)

// writeKeys makes every key, certificate and kubeconfig of the cluster.
func (b *builder) writeKeys() error {
	ca, err := pki.NewAuthority("fairlead-test-ca")
	if err != nil {
		return err
	}
	front, err := pki.NewAuthority("fairlead-test-front-proxy-ca")
	if err != nil {
		return err
	}
	if err := b.writePairs(ca, front); err != nil {
		return err
	}
	private, public, err := pki.TokenKey()
	if err != nil {
		return err
	}
	if err := b.writePair("tokens", pki.Pair{Certificate: public, Key: private}); err != nil {
		return err
	}
	return b.writeKubeconfigs(ca)
}

func (b *builder) writePairs(ca, front *pki.Authority) error {
	apiHosts := []string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		serviceIP, "127.0.0.1", b.cluster.NodeAddress,
	}
	leaves := map[string]struct {
		authority *pki.Authority
		subject   pki.Subject
	}{
		"apiserver":   {ca, pki.Subject{User: "kube-apiserver", Groups: []string{"system:masters"}, Hosts: apiHosts}},
		"etcd":        {ca, pki.Subject{User: "etcd", Hosts: []string{"localhost", "127.0.0.1"}}},
		"kubelet":     {ca, pki.Subject{User: "system:node:" + b.nodeName(), Groups: []string{"system:nodes"}, Hosts: []string{b.nodeName(), b.cluster.NodeAddress, "127.0.0.1"}}},
		"front-proxy": {front, pki.Subject{User: "front-proxy-client"}},
	}
	for name, leaf := range leaves {
		pair, err := leaf.authority.Issue(leaf.subject)
		if err != nil {
			return err
		}
		if err := b.writePair(name, pair); err != nil {
			return err
		}
	}
	if err := b.writePair("front-proxy-ca", front.Pair()); err != nil {
		return err
	}
	return b.writePair("ca", ca.Pair())
}

func (b *builder) writePair(name string, pair pki.Pair) error {
	base := filepath.Join(b.cluster.state, "pki", name)
	if err := os.WriteFile(base+".crt", pair.Certificate, 0o600); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	if err := os.WriteFile(base+".key", pair.Key, 0o600); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

func (b *builder) writeKubeconfigs(ca *pki.Authority) error {
	users := map[string]pki.Subject{
		"controller-manager": {User: "system:kube-controller-manager"},
		"scheduler":          {User: "system:kube-scheduler"},
		"proxy":              {User: "system:kube-proxy"},
		"kubelet":            {User: "system:node:" + b.nodeName(), Groups: []string{"system:nodes"}},
	}
	for name, subject := range users {
		if err := b.writeKubeconfig(ca, subject, filepath.Join(b.cluster.state, "config", name+".kubeconfig")); err != nil {
			return err
		}
	}
	return b.writeKubeconfig(ca, pki.Subject{User: administrator, Groups: []string{"system:masters"}}, b.cluster.Kubeconfig)
}

func (b *builder) writeKubeconfig(ca *pki.Authority, subject pki.Subject, path string) error {
	pair, err := ca.Issue(subject)
	if err != nil {
		return err
	}
	name := "fairlead-test-" + b.cluster.Name
	content, err := json.MarshalIndent(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": name,
		"clusters": []any{map[string]any{"name": name, "cluster": map[string]any{"server": b.cluster.Server, "certificate-authority-data": ca.Pair().Certificate}}},
		"users":    []any{map[string]any{"name": subject.User, "user": map[string]any{"client-certificate-data": pair.Certificate, "client-key-data": pair.Key}}},
		"contexts": []any{map[string]any{"name": name, "context": map[string]any{"cluster": name, "user": subject.User}}},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode kubeconfig: %w", err)
	}
	if err := os.WriteFile(path, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
