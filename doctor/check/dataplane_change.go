package check

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/corefile"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// dpUnknown stands for an address that only a person can find out; it belongs to documentation, so it cannot be meant.
func dpUnknown() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, 1}) }

// dpAdd is the override that sends a host to its public address. Without one the person fills it in, and --fix has nothing to do.
func dpAdd(s *snapshot.Snapshot, host string, public []netip.Addr) doctor.Remedy {
	args := map[string]string{"host": host}
	if !s.Known(snapshot.One(extSystem, snapshot.ConfigMaps, dpCustom)) {
		return doctor.Remedy{Key: "overrideByHand", Args: args, Risk: doctor.Manual}
	}
	address := dpUnknown()
	if len(public) > 0 {
		address = public[0]
	}
	after, err := corefile.OverrideIn(dpCorefile(s), dpData(s), host, address)
	if err != nil {
		args["reason"] = err.Error()
		return doctor.Remedy{Key: "overrideRefused", Args: args, Risk: doctor.Manual}
	}
	return dpChange(s, "override", args, after)
}

// dpChange is the way from the overrides as they are to others: a copy first, the change, a restart, and the way back.
func dpChange(s *snapshot.Snapshot, key string, args map[string]string, after map[string]string) doctor.Remedy {
	before := dpData(s)
	remedy := doctor.Remedy{Key: key, Args: args, Risk: doctor.Ask}
	restart := "kubectl -n " + extSystem + " rollout restart deployment " + netCoreDNS
	change := doctor.Action{APIVersion: "v1", Resource: "configmaps", Namespace: extSystem, Name: dpCustom, Backup: true}
	if netConfigMap(s, dpCustom) == nil {
		change.Verb, change.Body = doctor.Apply, dpEncode(map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": dpCustom, "namespace": extSystem}, "data": after,
		})
		create := []string{"kubectl create configmap " + dpCustom + " -n " + extSystem}
		for _, name := range slices.Sorted(maps.Keys(after)) {
			create = append(create, "--from-literal="+arcQuote(name+"="+after[name]))
		}
		remedy.Commands = []string{strings.Join(create, " "), restart}
		remedy.Undo = []string{"kubectl delete configmap " + dpCustom + " -n " + extSystem, restart}
	} else {
		patch := func(from, to map[string]string) json.RawMessage {
			return dpEncode(map[string]any{"data": dpDifference(from, to)})
		}
		change.Verb, change.Body = doctor.MergePatch, patch(before, after)
		command := func(body json.RawMessage) string {
			return "kubectl patch configmap " + dpCustom + " -n " + extSystem + " --type=merge -p " + arcQuote(string(body))
		}
		remedy.Commands = []string{dpBackup(), command(change.Body), restart}
		remedy.Undo = []string{command(patch(after, before)), restart}
	}
	unknown := strings.Contains(string(change.Body), dpUnknown().String())
	for _, commands := range [][]string{remedy.Commands, remedy.Undo} {
		for i := range commands {
			commands[i] = strings.ReplaceAll(commands[i], dpUnknown().String(), "<public-address>")
		}
	}
	if !unknown && dpWorks(s, after) {
		remedy.Actions = []doctor.Action{change, dpRestart()}
	}
	return remedy
}

func dpBackup() string {
	return "kubectl get configmap -n " + extSystem + " " + dpCustom + " -o yaml > coredns.backup.yaml"
}

func dpRestart() doctor.Action {
	return doctor.Action{Verb: doctor.Restart, APIVersion: "apps/v1", Resource: "deployments", Namespace: extSystem, Name: netCoreDNS}
}

// dpWorks reports whether CoreDNS can start with overrides and answers for other names as well.
func dpWorks(s *snapshot.Snapshot, data map[string]string) bool {
	return !slices.ContainsFunc(corefile.Judge(corefile.Input{Corefile: dpCorefile(s), Custom: data, Host: dpHost(s)}), func(p corefile.Problem) bool {
		return slices.Contains([]string{corefile.RowFallthrough, corefile.RowTwice, corefile.RowSyntax, corefile.RowImport}, p.Row)
	})
}

// dpDifference is a merge patch of the data of a ConfigMap.
func dpDifference(from, to map[string]string) map[string]any {
	changed := map[string]any{}
	for name, text := range to {
		if old, there := from[name]; !there || old != text {
			changed[name] = text
		}
	}
	for name := range from {
		if _, stays := to[name]; !stays {
			changed[name] = nil
		}
	}
	return changed
}

// dpEncode leaves angle brackets as they are: a person has to find them.
func dpEncode(value any) json.RawMessage {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil // texts and nulls always encode
	}
	return bytes.TrimSpace(out.Bytes())
}
