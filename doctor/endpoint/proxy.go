package endpoint

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/http/httpproxy"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Proxy is the way out of a place, as the variables of the same names say it.
type Proxy struct{ HTTP, HTTPS, None string }

// Set reports whether there is a proxy at all.
func (p Proxy) Set() bool { return p.HTTP != "" || p.HTTPS != "" }

// For returns the proxy for a URL, "" when it is reached directly. What cannot be understood is returned as it is, so that the
// probe says so.
func (p Proxy) For(target string) string {
	at, err := url.Parse(target)
	if err != nil {
		return ""
	}
	config := httpproxy.Config{HTTPProxy: p.HTTP, HTTPSProxy: p.HTTPS, NoProxy: p.None}
	through, err := config.ProxyFunc()(at)
	switch {
	case err != nil && at.Scheme == "http":
		return p.HTTP
	case err != nil:
		return p.HTTPS
	case through == nil:
		return ""
	}
	if Hidden(through.User) {
		through.User = nil
	}
	return through.String()
}

// Hidden reports whether user information is what took the place of a password in a snapshot: nothing to sign in with.
func Hidden(user *url.Userinfo) bool {
	return user != nil && regexp.MustCompile(`^redacted-[0-9a-f]{6}$`).MatchString(user.Username())
}

// ProxyOf returns the proxy of the agents: from the environment of their containers, else from what the release was told.
func ProxyOf(s *snapshot.Snapshot) Proxy {
	for _, spec := range agentSpecs(s) {
		for i := range spec.Containers {
			if proxy := proxyFrom(literals(spec.Containers[i].Env)); proxy.Set() {
				return proxy
			}
		}
	}
	release, ok := s.Release("", fairlead.ReleaseName)
	if enabled, told := text(release, "global", "isProxyEnabled"); !ok || told && strings.EqualFold(enabled, "false") {
		return Proxy{}
	}
	var proxy Proxy
	proxy.HTTP, _ = text(release, "global", "httpProxy")
	proxy.HTTPS, _ = text(release, "global", "httpsProxy")
	proxy.None, _ = text(release, "global", "noProxy")
	return proxy
}

// agentSpecs are the pod templates of the agents of Arc, and of the agents of extensions on AKS.
func agentSpecs(s *snapshot.Snapshot) []*corev1.PodSpec {
	var specs []*corev1.PodSpec
	for i := range s.Deployments {
		d := &s.Deployments[i]
		if d.Namespace == fairlead.AgentNamespace || d.Namespace == "kube-system" && strings.HasPrefix(d.Name, "extension-") {
			specs = append(specs, &d.Spec.Template.Spec)
		}
	}
	for i := range s.Pods { // what a webhook has added is in pods alone
		if p := &s.Pods[i]; agentPod(*p) || p.Namespace == "kube-system" && strings.HasPrefix(p.Name, "extension-") {
			specs = append(specs, &p.Spec)
		}
	}
	return specs
}

func literals(env []corev1.EnvVar) map[string]string {
	found := map[string]string{}
	for _, variable := range env {
		if variable.Value != "" {
			found[variable.Name] = variable.Value
		}
	}
	return found
}

// proxyFrom reads the variables as Go programs do: capitals first.
func proxyFrom(env map[string]string) Proxy {
	first := func(names ...string) string {
		for _, name := range names {
			if env[name] != "" {
				return env[name]
			}
		}
		return ""
	}
	return Proxy{HTTP: first("HTTP_PROXY", "http_proxy"), HTTPS: first("HTTPS_PROXY", "https_proxy"), None: first("NO_PROXY", "no_proxy")}
}

// text reads one value of a release as text; ok is false when it is not there.
func text(release snapshot.Release, path ...string) (string, bool) {
	value, ok := release.Value(path...)
	if !ok || value == nil {
		return "", false
	}
	return strings.TrimSpace(fmt.Sprint(value)), true
}
