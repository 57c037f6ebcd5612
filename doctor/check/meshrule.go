package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// judgeMeshPermissive warns of a mesh in which nobody may talk: no policy mode, and no policy.
func judgeMeshPermissive(s *snapshot.Snapshot, value any) *meshFlaw {
	if value == true || len(s.Custom[snapshot.TrafficTargets]) > 0 {
		return nil
	}
	need := snapshot.Everywhere(snapshot.TrafficTargets)
	if !s.Known(need) {
		return &meshFlaw{status: doctor.Unknown, needs: []snapshot.Need{need}}
	}
	return &meshFlaw{reason: "denied", status: doctor.Warn, choice: true, after: []string{"OSM-24"}}
}

func judgeMeshPorts(_ *snapshot.Snapshot, value any) *meshFlaw {
	good := []any{}
	var bad []string
	seen := map[int64]bool{}
	for _, item := range value.([]any) {
		port, ok := meshNumber(item)
		switch {
		case !ok, port < 1, port > 65535, seen[port]:
			bad = append(bad, meshText(item))
		default:
			seen[port] = true
			good = append(good, port)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &meshFlaw{reason: "ports", status: doctor.Fail, detail: strings.Join(bad, ", "), better: good}
}

// judgeMeshRanges is stricter than the definition's pattern, which takes 999.1.1.1/24 and 10.0.0.0/99 for ranges.
func judgeMeshRanges(_ *snapshot.Snapshot, value any) *meshFlaw {
	good := []any{}
	var bad, loose []string
	for _, item := range value.([]any) {
		text, _ := item.(string)
		prefix, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			bad = append(bad, meshText(item))
			continue
		case prefix.Masked() != prefix:
			loose = append(loose, text)
		}
		good = append(good, prefix.Masked().String())
	}
	switch {
	case len(bad) > 0:
		return &meshFlaw{reason: "ranges", status: doctor.Fail, detail: strings.Join(bad, ", "), better: good}
	case len(loose) > 0:
		return &meshFlaw{reason: "hostBits", status: doctor.Warn, detail: strings.Join(loose, ", "), better: good, mild: true}
	}
	return nil
}

func judgeMeshValidity(_ *snapshot.Snapshot, value any) *meshFlaw {
	validity, err := time.ParseDuration(value.(string))
	if err == nil && validity > 0 {
		return nil
	}
	return &meshFlaw{reason: "duration", status: doctor.Fail}
}

// judgeMeshBits knows the bounds beyond which the mesh falls back on its default without a word to anybody.
func judgeMeshBits(_ *snapshot.Snapshot, value any) *meshFlaw {
	if bits, _ := meshNumber(value); bits >= 2048 && bits <= 4096 {
		return nil
	}
	return &meshFlaw{reason: "bits", status: doctor.Fail}
}

func judgeMeshDebug(_ *snapshot.Snapshot, value any) *meshFlaw {
	if value == false {
		return nil
	}
	return &meshFlaw{reason: "debug", status: doctor.Warn, mild: true}
}

func judgeMeshLogLevel(_ *snapshot.Snapshot, value any) *meshFlaw {
	return meshOneOf(value, "trace", "debug", "info", "warn", "error", "fatal", "panic", "disabled")
}

func judgeMeshEnvoyLevel(_ *snapshot.Snapshot, value any) *meshFlaw {
	return meshOneOf(value, "trace", "debug", "info", "warning", "warn", "error", "critical", "off")
}

func meshOneOf(value any, allowed ...string) *meshFlaw {
	if text, _ := value.(string); slices.Contains(allowed, text) {
		return nil
	}
	return &meshFlaw{reason: "choice", status: doctor.Fail, detail: strings.Join(allowed, ", ")}
}

// judgeMeshTracing looks at the neighbours of the switch: where the traces go.
func judgeMeshTracing(s *snapshot.Snapshot, value any) *meshFlaw {
	if value == false {
		return nil
	}
	var lacking []string
	for _, name := range []string{"address", "port", "endpoint"} {
		if there, ok := meshValue(meshConfig(s), "spec.observability.tracing."+name); !ok || there == "" || there == int64(0) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return &meshFlaw{reason: "tracing", status: doctor.Warn, detail: strings.Join(lacking, ", ")}
}

func judgeMeshResync(_ *snapshot.Snapshot, value any) *meshFlaw {
	interval, err := time.ParseDuration(value.(string))
	switch {
	case err != nil, interval < 0:
		return &meshFlaw{reason: "duration", status: doctor.Fail}
	case interval > 0 && interval < time.Minute:
		return &meshFlaw{reason: "ignored", status: doctor.Warn, mild: true}
	}
	return nil
}

// judgeMeshResources reads limits and requests as the API server will when a sidecar is added, which is too late to be told.
func judgeMeshResources(_ *snapshot.Snapshot, value any) *meshFlaw {
	amounts := map[string]map[string]resource.Quantity{}
	for _, side := range []string{"limits", "requests"} {
		amounts[side] = map[string]resource.Quantity{}
		named, _ := value.(map[string]any)[side].(map[string]any)
		for name, amount := range named {
			quantity, err := resource.ParseQuantity(strings.Trim(meshText(amount), `"`))
			if err != nil {
				return &meshFlaw{reason: "resources", status: doctor.Fail, detail: fmt.Sprintf("%s.%s: %s", side, name, meshText(amount))}
			}
			amounts[side][name] = quantity
		}
	}
	for name, request := range amounts["requests"] {
		if limit, ok := amounts["limits"][name]; ok && request.Cmp(limit) > 0 {
			return &meshFlaw{reason: "resources", status: doctor.Fail, detail: fmt.Sprintf("requests.%s %s > limits.%s %s", name, request.String(), name, limit.String())}
		}
	}
	return nil
}

// judgeMeshAuthorization never proposes to doctor what would let everybody in.
func judgeMeshAuthorization(_ *snapshot.Snapshot, value any) *meshFlaw {
	fields := value.(map[string]any)
	for name, kind := range map[string]string{"enable": meshBoolean, "failureModeAllow": meshBoolean, "statPrefix": meshString, "timeout": meshString, "address": meshString, "port": meshInteger} {
		if field, ok := fields[name]; ok && meshType(field) != kind {
			return &meshFlaw{reason: "field", status: doctor.Fail, detail: fmt.Sprintf("%s: %s", name, meshText(field)), choice: true}
		}
	}
	if text, ok := fields["timeout"].(string); ok {
		if timeout, err := time.ParseDuration(text); err != nil || timeout <= 0 {
			return &meshFlaw{reason: "field", status: doctor.Fail, detail: "timeout: " + meshText(text), choice: true}
		}
	}
	if fields["enable"] != true {
		return nil
	}
	if port, _ := meshNumber(fields["port"]); fields["address"] == nil || fields["address"] == "" || port < 1 || port > 65535 {
		return &meshFlaw{reason: "authorization", status: doctor.Fail, choice: true}
	}
	return nil
}

// judgeMeshRetired tells of an egress policy that was turned off where turning it off does nothing.
func judgeMeshRetired(s *snapshot.Snapshot, value any) *meshFlaw {
	return meshRetiredFlag(s, value == false)
}

func judgeMeshMulticluster(s *snapshot.Snapshot, value any) *meshFlaw {
	return meshRetiredFlag(s, value == true)
}

func meshRetiredFlag(s *snapshot.Snapshot, changed bool) *meshFlaw { //nolint:revive // a fact, not a mode
	if version, ok := meshVersion(s); !changed || !ok || version.before(1, 2) {
		return nil
	}
	return &meshFlaw{reason: "retired", status: doctor.Warn, mild: true}
}
