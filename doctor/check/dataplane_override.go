package check

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/corefile"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func dataPlaneOverride() doctor.Check {
	custom := snapshot.One(extSystem, snapshot.ConfigMaps, dpCustom)
	return doctor.Check{
		ID: "EXT-08", Severity: doctor.High, Needs: []snapshot.Need{custom, snapshot.One(extSystem, snapshot.ConfigMaps, netCoreDNS)},
		Uses:         netSettingsNeeds(),
		AppliesNeeds: []snapshot.Need{custom},
		Applies: func(s *snapshot.Snapshot) string {
			if dpMentions(dpData(s), dpHost(s)) {
				return ""
			}
			return doctor.NotInstalled
		},
		Eval: judgeDataPlaneOverride,
	}
}

// judgeDataPlaneOverride makes one finding of each row of mistakes.
func judgeDataPlaneOverride(s *snapshot.Snapshot) []doctor.Finding {
	custom := netConfigMap(s, dpCustom)
	if custom == nil {
		return nil
	}
	host := dpHost(s)
	problems := corefile.Judge(corefile.Input{
		Corefile: dpCorefile(s), Custom: custom.Data, Region: endpoint.Of(s).Region, Host: host,
		ConfigChanged: netChanged(custom), PodsStarted: netStarts(s), PublicAddresses: dpPublic(s, host),
	})
	var found []doctor.Finding
	for _, problem := range problems {
		if !dpOurs(problem, custom.Data, host) {
			continue
		}
		key := "row-" + problem.Row
		at := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Key == key })
		if at < 0 {
			found, at = append(found, dpFinding(s, problem, host)), len(found)
		}
		words := []string{problem.Key}
		if problem.Line > 0 {
			words[0] += " line " + strconv.Itoa(problem.Line)
		}
		for _, name := range slices.Sorted(maps.Keys(problem.Captures)) {
			words = append(words, name+" "+problem.Captures[name])
		}
		found[at].Evidence = arcSay(found[at].Evidence, doctor.Evidence{Source: "spec", Object: found[at].Objects[0].String(), Text: strings.Join(words, ", ")})
	}
	return found
}

// dpOurs leaves out mistakes in keys that have nothing to do with the data plane, unless they take CoreDNS as a whole down.
func dpOurs(p corefile.Problem, data map[string]string, host string) bool {
	switch p.Row {
	case corefile.RowKey:
		return dpMention(data[p.Key], host)
	case corefile.RowAddress:
		return dpMention(p.Captures["name"], host)
	case corefile.RowSyntax:
		return p.Key != corefile.Name // NET-01
	}
	return true
}

func dpFinding(s *snapshot.Snapshot, problem corefile.Problem, host string) doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "row-" + problem.Row, Objects: []doctor.Object{{Kind: "ConfigMap", Namespace: extSystem, Name: dpCustom}},
		Args: map[string]string{"host": host, "key": problem.Key, "line": strconv.Itoa(problem.Line)},
	}
	for name, value := range problem.Captures {
		finding.Args[dpArg(name)] = value
	}
	switch problem.Row {
	case corefile.RowFallthrough, corefile.RowTwice, corefile.RowSyntax:
		finding.Severity = doctor.Critical
	case corefile.RowStale:
		finding.Status, finding.Severity = doctor.Warn, doctor.Medium
	default:
		if dpReached(s, host) {
			finding.Status, finding.Severity = doctor.Warn, doctor.Medium // without effect, and nobody needs it
		}
	}
	finding.Remedies = dpRemedies(s, problem, host)
	return finding
}

// dpArg is the name of a place in a text: those have no line between words.
func dpArg(name string) string {
	if name == "first_line" {
		return "firstLine"
	}
	return name
}

// dpReached reports whether pods were seen to resolve the name to public addresses only.
func dpReached(s *snapshot.Snapshot, host string) bool {
	view, ok := netFrom(s, endpoint.Pod)
	if !ok {
		return false
	}
	answers := dpResolve(view, host)
	return len(answers.public()) > 0 && len(answers.private()) == 0
}

// dpRemedies mends a mistake where the result is known to work, and tells how otherwise.
func dpRemedies(s *snapshot.Snapshot, problem corefile.Problem, host string) []doctor.Remedy {
	args := map[string]string{"host": host, "key": problem.Key, "want": problem.Captures["want"], "first": problem.Captures["first"]}
	edit := doctor.Remedy{Key: "edit", Args: args, Risk: doctor.Manual, Commands: []string{
		dpBackup(), "kubectl edit configmap " + dpCustom + " -n " + extSystem, "kubectl -n " + extSystem + " rollout restart deployment " + netCoreDNS,
	}}
	data := dpData(s)
	switch problem.Row {
	case corefile.RowKey:
		if _, taken := data[problem.Captures["want"]]; taken {
			return []doctor.Remedy{edit}
		}
		after := maps.Clone(data)
		delete(after, problem.Key)
		after[problem.Captures["want"]] = data[problem.Key]
		return []doctor.Remedy{dpChange(s, "rename", args, after)}
	case corefile.RowFallthrough:
		if after, ok := dpFallThrough(problem, data); ok && dpWorks(s, after) {
			return []doctor.Remedy{dpChange(s, "fallThrough", args, after), edit}
		}
	case corefile.RowName, corefile.RowAddress, corefile.RowStale:
		return dpRewrite(s, host, args, dpPublic(s, host), edit)
	case corefile.RowTwice:
		if after, ok := dpMerge(s, problem.Key, data); ok {
			return []doctor.Remedy{dpChange(s, "merge", args, after), edit}
		}
	case corefile.RowSyntax:
		after := maps.Clone(data)
		delete(after, problem.Key)
		return []doctor.Remedy{edit, dpChange(s, "remove", args, after)}
	case corefile.RowImport:
		return []doctor.Remedy{{Key: "import", Args: args, Risk: doctor.Manual, Commands: netCorefileRemedy().Commands}}
	case corefile.RowRestart:
		return []doctor.Remedy{{
			Key: "restart", Args: args, Risk: doctor.Ask, Actions: []doctor.Action{dpRestart()},
			Commands: []string{"kubectl -n " + extSystem + " rollout restart deployment " + netCoreDNS},
			Undo:     []string{"kubectl -n " + extSystem + " rollout undo deployment " + netCoreDNS},
		}}
	}
	return []doctor.Remedy{edit}
}

// dpRewrite writes the override anew with an address.
func dpRewrite(s *snapshot.Snapshot, host string, args map[string]string, addresses []netip.Addr, otherwise doctor.Remedy) []doctor.Remedy {
	address := dpUnknown()
	if len(addresses) > 0 {
		address = addresses[0]
	}
	after, err := corefile.OverrideIn(dpCorefile(s), dpData(s), host, address)
	if err != nil || maps.Equal(after, dpData(s)) {
		return []doctor.Remedy{otherwise}
	}
	return []doctor.Remedy{dpChange(s, "rewrite", args, after), otherwise}
}

// dpFallThrough adds the missing line at the end of a hosts block, where it has to be.
func dpFallThrough(problem corefile.Problem, data map[string]string) (after map[string]string, ok bool) {
	lines := strings.Split(data[problem.Key], "\n")
	if problem.Line < 1 || problem.Line > len(lines) {
		return nil, false
	}
	closing := slices.IndexFunc(lines[problem.Line-1:], func(line string) bool { return strings.TrimSpace(line) == "}" })
	if closing < 1 {
		return nil, false
	}
	after = maps.Clone(data)
	after[problem.Key] = strings.Join(slices.Insert(lines, problem.Line-1+closing, "    fallthrough"), "\n")
	return after, true
}

// dpMerge moves the lines of a key whose only content is a hosts block to the block that CoreDNS reads first, unless something
// would be lost.
func dpMerge(s *snapshot.Snapshot, key string, data map[string]string) (after map[string]string, ok bool) {
	config, err := corefile.Parse(corefile.Source{Corefile: ".:53 {\n" + data[key] + "\n}\n"})
	if err != nil || len(config.Servers) != 1 || len(config.Servers[0].Directives) != 1 || config.Servers[0].Directives[0].Name != "hosts" {
		return nil, false
	}
	after = maps.Clone(data)
	delete(after, key)
	for _, pin := range corefile.Pinned(map[string]string{key: data[key]}) {
		address, err := netip.ParseAddr(pin.Address)
		if err != nil {
			return nil, false
		}
		for _, name := range pin.Names {
			if after, err = corefile.OverrideIn(dpCorefile(s), after, name, address); err != nil {
				return nil, false
			}
		}
	}
	return after, true
}
