package check

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/corefile"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// dpCustom is the ConfigMap of overrides that AKS and others have CoreDNS read.
const dpCustom = "coredns-custom"

// dataPlane returns the checks of the name of the data plane: where it leads, and what was done about it.
func dataPlane() []doctor.Check { return []doctor.Check{dataPlanePrivate(), dataPlaneOverride()} }

func dataPlanePrivate() doctor.Check {
	return netAgents(doctor.Check{
		ID: "EXT-07", Severity: doctor.High, After: []string{"EXT-08"}, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.ProbeFromPod)}, Uses: netCoreNeeds(),
		Applies: func(s *snapshot.Snapshot) string {
			if arcOwn(s) {
				return doctor.FeatureOff
			}
			return netApplies(s)
		},
		Eval: judgeDataPlaneAddress,
	})
}

// dpAnswers is where a name leads, as one place sees it.
type dpAnswers struct {
	asked     bool
	addresses []netip.Addr
	aliases   []string
	evidence  []doctor.Evidence
}

// dpResolve collects what a probe was told about a name, by name servers, else on its way to the host.
func dpResolve(view netView, host string) dpAnswers {
	var all dpAnswers
	for _, lookup := range view.result.Lookups {
		if !strings.EqualFold(strings.TrimSuffix(lookup.Name, "."), host) {
			continue
		}
		for _, answer := range netOwnAnswers(lookup, view.result.Resolver) {
			all.add(answer.Addresses, answer.CNAMEs)
			all.evidence = arcSay(all.evidence, view.say(host+": "+strings.Join(slices.Concat(answer.CNAMEs, answer.Addresses), ", ")))
		}
	}
	if all.asked {
		return all
	}
	for _, target := range view.targets(endpoint.DataPlane) {
		if stage := target.Stage(wire.StageDNS); stage != nil && target.Proxy == "" {
			all.add(strings.FieldsFunc(stage.Detail[wire.DetailAddresses], isComma), strings.FieldsFunc(stage.Detail[wire.DetailCNAMEs], isComma))
			all.evidence = arcSay(all.evidence, view.say(host+": "+stage.Detail[wire.DetailCNAMEs]+" "+stage.Detail[wire.DetailAddresses]))
		}
	}
	return all
}

func (a *dpAnswers) add(addresses, aliases []string) {
	a.asked = true
	for _, text := range addresses {
		if address, err := netip.ParseAddr(text); err == nil && !slices.Contains(a.addresses, address.Unmap()) {
			a.addresses = append(a.addresses, address.Unmap())
		}
	}
	for _, alias := range aliases {
		if !slices.Contains(a.aliases, alias) {
			a.aliases = append(a.aliases, alias)
		}
	}
}

func isComma(r rune) bool { return r == ',' }

// private returns the addresses that lead into a private network.
func (a dpAnswers) private() []netip.Addr {
	return slices.DeleteFunc(slices.Clone(a.addresses), func(address netip.Addr) bool { return !dpPrivate(address) })
}

// public returns the addresses that everybody can reach.
func (a dpAnswers) public() []netip.Addr {
	return slices.DeleteFunc(slices.Clone(a.addresses), func(address netip.Addr) bool {
		return dpPrivate(address) || address.IsLoopback() || address.IsUnspecified() || address.IsLinkLocalUnicast()
	})
}

func dpPrivate(address netip.Addr) bool {
	return address.IsPrivate() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10).Contains(address)
}

// linked reports whether the name passes through a private link. Public answers do so as well once anybody has such a link, so that
// alone is no fault.
func (a dpAnswers) linked() bool {
	return slices.ContainsFunc(a.aliases, func(alias string) bool { return strings.Contains(alias, ".privatelink.") })
}

// dpHost is the name of the data plane, with <region> in it where the region is unknown; of a hub of Fairlead its host.
func dpHost(s *snapshot.Snapshot) string {
	cluster := endpoint.Of(s)
	if at, err := url.Parse(cluster.HubURL); err == nil && at.Hostname() != "" {
		return strings.ToLower(at.Hostname())
	}
	return strings.ReplaceAll(endpoint.Host(cluster.Cloud, endpoint.DataPlane, cluster.Region), "{region}", "<region>")
}

func judgeDataPlaneAddress(s *snapshot.Snapshot) []doctor.Finding {
	view, _ := netFrom(s, endpoint.Pod)
	host := dpHost(s)
	if view.result == nil {
		return nil
	}
	answers := dpResolve(view, host)
	private := answers.private()
	bare := len(answers.addresses) == 0 && answers.linked()
	args := map[string]string{"host": host, "addresses": dpJoin(private)}
	switch {
	case !answers.asked:
		return []doctor.Finding{{Status: doctor.Skipped, Key: "notTried"}}
	case len(private) == 0 && !bare:
		return nil
	case endpoint.ProxyOf(s).For("https://"+host+"/") != "":
		return nil // the agents leave the name to their proxy
	case !extensionOnAKS(s) && !bare, dpLinkWanted(s):
		return []doctor.Finding{{Status: doctor.Pass, Key: "onPurpose", Args: args, Evidence: answers.evidence}}
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "private", Args: args, Evidence: answers.evidence,
		Remedies: []doctor.Remedy{{Key: "separate", Risk: doctor.Manual}},
	}
	if bare {
		finding.Key, finding.Remedies = "noRecord", append([]doctor.Remedy{{Key: "record", Risk: doctor.Manual, Args: args}}, finding.Remedies...)
	}
	if !dpMentions(dpData(s), host) && !arcOwn(s) {
		finding.Remedies = append(finding.Remedies, dpAdd(s, host, dpPublic(s, host)))
	}
	return []doctor.Finding{finding}
}

// dpLinkWanted reports whether the agents were told to use a private link.
func dpLinkWanted(s *snapshot.Snapshot) bool {
	on := func(key, value string) bool {
		key = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(key))
		return strings.Contains(key, "privatelink") && (strings.EqualFold(value, "true") || strings.EqualFold(value, "enabled") || strings.HasPrefix(value, "/subscriptions/"))
	}
	for key, value := range arcConfig(s) {
		if on(key, value) {
			return true
		}
	}
	release, _ := arcRelease(s)
	global, _ := release.Value("global")
	values, _ := global.(map[string]any)
	for key, value := range values {
		if on(key, netText(value)) {
			return true
		}
	}
	return false
}

// dpPublic are the public addresses of a name as this machine sees it.
func dpPublic(s *snapshot.Snapshot, host string) []netip.Addr {
	view, ok := netFrom(s, endpoint.Client)
	if !ok {
		return nil
	}
	return dpResolve(view, host).public()
}

func dpJoin(addresses []netip.Addr) string {
	words := make([]string, len(addresses))
	for i, address := range addresses {
		words[i] = address.String()
	}
	return strings.Join(words, ", ")
}

// dpData are the overrides, nil when there are none.
func dpData(s *snapshot.Snapshot) map[string]string {
	if custom := netConfigMap(s, dpCustom); custom != nil {
		return custom.Data
	}
	return nil
}

// dpMentions reports whether an override is about the data plane, be it of this or of another region.
func dpMentions(data map[string]string, host string) bool {
	for _, text := range data {
		if dpMention(text, host) {
			return true
		}
	}
	return false
}

func dpMention(text, host string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, ".dp.kubernetesconfiguration.azure.") || host != "" && strings.Contains(text, strings.ToLower(host))
}

func dpCorefile(s *snapshot.Snapshot) string {
	if config := netCorefile(s); config != nil {
		return config.Data[corefile.Name]
	}
	return ""
}
