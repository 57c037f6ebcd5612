package kubeconfig

import (
	"bytes"
	"context"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Merged is an entry that was added to a file.
type Merged struct {
	// File is the kubeconfig's path as the person knows it.
	File string

	entry  Entry
	former former
}

// former is what the entry took the place of; nil is nothing.
type former struct {
	cluster *clientcmdapi.Cluster
	user    *clientcmdapi.AuthInfo
	context *clientcmdapi.Context
	current string
	held    bool // the current context was in this file
}

// former is what a configuration holds under the entry's names. What led to a program that has put itself in between, and
// may have been killed, is left out: it would lead to a closed port.
func (e Entry) former(config *clientcmdapi.Config) former {
	found := former{config.Clusters[e.inner()], config.AuthInfos[e.inner()], config.Contexts[e.Name], config.CurrentContext, config.Contexts[config.CurrentContext] != nil}
	if found.context != nil && e.passes(config.Clusters[found.context.Cluster]) {
		found.context = nil
	}
	if e.passes(found.cluster) {
		found.cluster, found.user = nil, nil
	}
	return found
}

func (e Entry) passes(cluster *clientcmdapi.Cluster) bool {
	return cluster != nil && e.Passing != nil && e.Passing(cluster.Server)
}

// Merge adds an entry to the kubeconfig that is named, else to that which kubectl would change, and makes it the current context.
func Merge(ctx context.Context, named string, entry Entry, existing Existing) (*Merged, error) {
	merged := &Merged{File: File(named), entry: entry}
	err := change(ctx, merged.File, func(config *clientcmdapi.Config) error {
		all, err := visible(named)
		if err != nil {
			return err
		}
		if existing == Keep {
			if err := entry.clash(all); err != nil {
				return err
			}
		}
		merged.former = entry.former(config)
		entry.put(config, entry.namespace(all))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return merged, nil
}

// Undo puts back what was there before, as far as nobody has changed it meanwhile.
func (m *Merged) Undo(ctx context.Context) error {
	return change(ctx, m.File, func(config *clientcmdapi.Config) error {
		inner := m.entry.inner()
		if !m.stillOurs(config) {
			return errUnchanged
		}
		restore(config.Clusters, inner, m.former.cluster)
		restore(config.AuthInfos, inner, m.former.user)
		restore(config.Contexts, m.entry.Name, m.former.context)
		if config.CurrentContext == m.entry.Name {
			config.CurrentContext = m.current(config)
		}
		return nil
	})
}

// current is the context to go back to, unless somebody has removed it meanwhile.
func (m *Merged) current(config *clientcmdapi.Config) string {
	if m.former.held && config.Contexts[m.former.current] == nil {
		return ""
	}
	return m.former.current
}

func (m *Merged) stillOurs(config *clientcmdapi.Config) bool {
	cluster, user := config.Clusters[m.entry.inner()], config.AuthInfos[m.entry.inner()]
	return cluster != nil && cluster.Server == m.entry.Server && bytes.Equal(cluster.CertificateAuthorityData, m.entry.Authority) &&
		user != nil && user.Token == m.entry.User.Token
}

func restore[T any](entries map[string]*T, name string, former *T) {
	if former == nil {
		delete(entries, name)
		return
	}
	entries[name] = former
}
