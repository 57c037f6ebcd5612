package check

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func networkProxy() doctor.Check {
	return netAgents(doctor.Check{ID: "NET-03", Severity: doctor.High, After: []string{"NET-01"}, Eval: judgeNetProxy})
}

// judgeNetProxy looks at what the agents were told, and at what a probe that goes the same way meets.
func judgeNetProxy(s *snapshot.Snapshot) []doctor.Finding {
	found := append(netProxySyntax(s), netProxyRange(s)...)
	if !slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Status == doctor.Fail }) {
		found = append(found, netProxyProbed(s)...)
	}
	if len(found) > 0 {
		return found
	}
	if endpoint.ProxyOf(s).Set() {
		return nil
	}
	// Without the release nobody knows whether there is a proxy: its settings are in a Secret.
	needs := []snapshot.Need{snapshot.In(arcSpace, snapshot.Deployments)}
	if release, _ := arcRelease(s); arcInstalled(s) && !release.Read {
		needs = append(needs, snapshot.Everywhere(snapshot.Payloads))
	}
	return unlessUnseen(s, nil, needs...)
}

// netSetting is one variable of a proxy where somebody has set it.
type netSetting struct {
	name, value string
	source      doctor.Object
}

// netSettings are the proxy's variables in the release's values and in the environment of agents, each value once.
func netSettings(s *snapshot.Snapshot) []netSetting {
	var all []netSetting
	for _, d := range netAgentDeployments(s) {
		for _, container := range d.Spec.Template.Spec.Containers {
			for _, variable := range container.Env {
				if slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}, strings.ToUpper(variable.Name)) {
					object := doctor.Object{Kind: "Deployment", Namespace: d.Namespace, Name: d.Name, Container: container.Name}
					all = netRemember(all, netSetting{variable.Name, variable.Value, object})
				}
			}
		}
	}
	release, ok := arcRelease(s)
	if enabled, told := release.Value("global", "isProxyEnabled"); !ok || told && strings.EqualFold(netText(enabled), "false") {
		return all
	}
	for _, pair := range [][2]string{{"HTTP_PROXY", "httpProxy"}, {"HTTPS_PROXY", "httpsProxy"}, {"NO_PROXY", "noProxy"}} {
		value, _ := release.Value("global", pair[1])
		all = netRemember(all, netSetting{pair[0], netText(value), doctor.Object{Kind: "HelmRelease", Namespace: release.Namespace, Name: release.Name}})
	}
	return all
}

func netRemember(all []netSetting, one netSetting) []netSetting {
	known := func(o netSetting) bool { return strings.EqualFold(o.name, one.name) && o.value == one.value }
	if strings.TrimSpace(one.value) == "" || slices.ContainsFunc(all, known) {
		return all
	}
	return append(all, one)
}

// netAgentDeployments are the agents of Arc, and of extensions on AKS.
func netAgentDeployments(s *snapshot.Snapshot) []*appsv1.Deployment {
	found := arcDeployments(s)
	for i := range s.Deployments {
		if d := &s.Deployments[i]; d.Namespace == extSystem && extensionName(d.Name) {
			found = append(found, d)
		}
	}
	return found
}

func netText(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case bool:
		return strconv.FormatBool(value)
	}
	return ""
}

// netProxySyntax judges the values by their look.
func netProxySyntax(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	for _, setting := range netSettings(s) {
		key := netURLFault(setting.value)
		if strings.EqualFold(setting.name, "NO_PROXY") {
			key = netListFault(setting.value)
		}
		if key == "" {
			continue
		}
		at := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Key == key })
		if at < 0 {
			found, at = append(found, netProxyFinding(s, key)), len(found)
			found[at].Args = map[string]string{"variable": setting.name, "value": netHide(setting.value)}
		}
		found[at].Objects = append(found[at].Objects, setting.source)
		found[at].Evidence = arcSay(found[at].Evidence, doctor.Evidence{Source: "spec", Object: setting.source.String(), Text: setting.name + "=" + netHide(setting.value)})
		if key == "scheme" && arcOwn(s) && !strings.Contains(setting.value, "://") {
			found[at].Status, found[at].Severity = doctor.Warn, doctor.Medium // Fairlead's agents take it for http
		}
	}
	return append(append(found, netVariants(s)...), netProxyMissing(s)...)
}

// netURLFault is what keeps a value from being the URL of a proxy, "" when it is one.
func netURLFault(value string) string {
	scheme, rest, has := strings.Cut(value, "://")
	authority, _, _ := strings.Cut(rest, "/")
	at, err := url.Parse(value)
	switch {
	case strings.ContainsAny(value, "“”„‟‘’‚«»\"'`"):
		return "quotes"
	case strings.ContainsAny(value, " \t\r\n\u00a0"):
		return "spaces"
	case !has, !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https"):
		return "scheme"
	case strings.Count(rest, "@") > 1, strings.Contains(rest, "@") && !strings.Contains(authority, "@"), regexp.MustCompile(`%(?:[^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)`).MatchString(rest):
		return "userInfo"
	case err != nil && strings.Contains(err.Error(), "port"):
		return "port"
	case err != nil, at.Hostname() == "":
		return "host"
	}
	if port := at.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "port"
		}
	}
	return ""
}

// netListFault is what makes entries of NO_PROXY useless.
func netListFault(value string) string {
	switch {
	case strings.ContainsAny(value, "“”„‟‘’‚«»\"'`"):
		return "quotes"
	case strings.Contains(value, ";"):
		return "separator"
	}
	return ""
}

// netHide takes a name and a password out of a URL that was not cleaned before.
func netHide(value string) string {
	start := strings.Index(value, "://")
	end := strings.LastIndex(value, "@")
	if start < 0 || end < start+3 {
		return value
	}
	if user, err := url.Parse("http://" + value[start+3:end] + "@x"); err == nil && endpoint.Hidden(user.User) {
		return value
	}
	return value[:start+3] + "…" + value[end:]
}

// netVariants compares HTTP_PROXY with http_proxy and so on: programs differ in which they read.
func netVariants(s *snapshot.Snapshot) []doctor.Finding {
	for _, d := range netAgentDeployments(s) {
		for _, container := range d.Spec.Template.Spec.Containers {
			for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
				upper, lower := netVariable(container.Env, name), netVariable(container.Env, strings.ToLower(name))
				if upper == "" || lower == "" || upper == lower {
					continue
				}
				finding := netProxyFinding(s, "variants")
				finding.Status, finding.Severity = doctor.Warn, doctor.Medium
				finding.Args = map[string]string{"variable": name, "other": strings.ToLower(name)}
				finding.Objects = []doctor.Object{{Kind: "Deployment", Namespace: d.Namespace, Name: d.Name, Container: container.Name}}
				finding.Evidence = []doctor.Evidence{
					{Source: "spec", Object: finding.Objects[0].String(), Text: name + "=" + netHide(upper)},
					{Source: "spec", Object: finding.Objects[0].String(), Text: strings.ToLower(name) + "=" + netHide(lower)},
				}
				return []doctor.Finding{finding}
			}
		}
	}
	return nil
}

func netVariable(env []corev1.EnvVar, name string) string {
	for _, variable := range env {
		if variable.Name == name {
			return variable.Value
		}
	}
	return ""
}

// netProxyMissing finds a proxy for the wrong scheme, and an authority that was promised and not given.
func netProxyMissing(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	if proxy := endpoint.ProxyOf(s); proxy.HTTP != "" && proxy.HTTPS == "" {
		finding := netProxyFinding(s, "onlyHTTP")
		finding.Status = doctor.Warn
		finding.Args = map[string]string{"value": netHide(proxy.HTTP)}
		found = append(found, finding)
	}
	release, ok := arcRelease(s)
	custom, _ := release.Value("global", "isCustomCert")
	given, _ := release.Value("global", "proxyCert")
	_, stored := arcSecret(s, netProxyCert)
	if ok && strings.EqualFold(netText(custom), "true") && netText(given) == "" && !stored && s.Known(snapshot.In(arcSpace, snapshot.Secrets)) {
		finding := netProxyFinding(s, "certificate")
		finding.Objects = []doctor.Object{arcObject("Secret", netProxyCert)}
		finding.Args = map[string]string{"secret": netProxyCert}
		found = append(found, finding)
	}
	return found
}

// netProxyRange checks what agents must reach without the proxy. The range of services cannot be read; services are its witnesses.
// Fairlead's own agents never ask a proxy for the API server.
func netProxyRange(s *snapshot.Snapshot) []doctor.Finding {
	proxy := endpoint.ProxyOf(s)
	if !proxy.Set() || arcOwn(s) || netListFault(proxy.None) != "" {
		return nil
	}
	api, dns := netWitness(s, "default", "kubernetes"), netWitness(s, extSystem, "kube-dns")
	args := map[string]string{"value": proxy.None, "address": api}
	if proxy.None == "" {
		args["value"] = "-"
	}
	var finding doctor.Finding
	switch {
	case api != "" && !netCovered(proxy.None, api):
		finding = netProxyFinding(s, "range")
	case dns != "" && !netCovered(proxy.None, dns):
		finding = netProxyFinding(s, "partOfRange")
		finding.Status, finding.Severity, args["address"] = doctor.Warn, doctor.Low, dns
	default:
		var missing []string
		for _, name := range [][2]string{{"kubernetes.default.svc", "kubernetes.default.svc"}, {"a.b.svc", ".svc"}, {"a.b.svc.cluster.local", ".svc.cluster.local"}} {
			if !netCovered(proxy.None, name[0]) {
				missing = append(missing, name[1])
			}
		}
		if len(missing) == 0 {
			return nil
		}
		finding = netProxyFinding(s, "names")
		finding.Status, finding.Severity, args["missing"] = doctor.Warn, doctor.Medium, strings.Join(missing, ", ")
	}
	finding.Args = args
	finding.Evidence = []doctor.Evidence{{Source: "spec", Text: "NO_PROXY=" + proxy.None}}
	return []doctor.Finding{finding}
}

func netWitness(s *snapshot.Snapshot, namespace, name string) string {
	for i := range s.Services {
		if service := &s.Services[i]; service.Namespace == namespace && service.Name == name && service.Spec.ClusterIP != corev1.ClusterIPNone {
			return service.Spec.ClusterIP
		}
	}
	return ""
}

// netCovered reports whether an entry of NO_PROXY is about a host: an address, a range, a name or the end of one, or all.
func netCovered(list, host string) bool {
	address, err := netip.ParseAddr(host)
	for entry := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if name, port, ok := strings.Cut(entry, ":"); ok && strings.Trim(port, "0123456789") == "" {
			entry = name
		}
		if entry == "*" || strings.EqualFold(entry, host) {
			return true
		}
		if prefix, bad := netip.ParsePrefix(entry); err == nil && bad == nil && prefix.Masked().Contains(address) {
			return true
		}
		if end := "." + strings.TrimLeft(strings.ToLower(entry), "*."); err != nil && end != "." && strings.HasSuffix(strings.ToLower(host), end) {
			return true
		}
	}
	return false
}

func netProxyFinding(s *snapshot.Snapshot, key string) doctor.Finding {
	return doctor.Finding{
		Status: doctor.Fail, Key: key,
		Remedies: []doctor.Remedy{{Key: "update", Risk: doctor.Manual, Commands: []string{netProxyCommand(s)}}},
	}
}

// netProxyCommand sets the proxy of the agents anew.
func netProxyCommand(s *snapshot.Snapshot) string {
	return arcCommand(s, "update", "--proxy-https", "<http://proxy:port>", "--proxy-http", "<http://proxy:port>", "--proxy-skip-range", "<service-range>,kubernetes.default.svc,.svc,.svc.cluster.local")
}
