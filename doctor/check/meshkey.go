package check

import (
	"strconv"
	"strings"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// The types of MeshConfig's values.
const (
	meshBoolean = "boolean"
	meshInteger = "integer"
	meshString  = "string"
	meshArray   = "array"
	meshMap     = "object"
)

// meshKey is one key of MeshConfig: its type, its default and what its definition does not check.
type meshKey struct {
	path, kind string
	fallback   any
	rule       func(s *snapshot.Snapshot, value any) *meshFlaw // nil when any value of the type will do
}

// meshKeys returns the keys of MeshConfig that the guide has, with the defaults that it gives.
func meshKeys() []meshKey {
	return []meshKey{
		{"spec.traffic.enableEgress", meshBoolean, false, nil},
		{"spec.traffic.enablePermissiveTrafficPolicyMode", meshBoolean, true, judgeMeshPermissive},
		{"spec.traffic.outboundPortExclusionList", meshArray, []any{}, judgeMeshPorts},
		{"spec.traffic.outboundIPRangeExclusionList", meshArray, []any{}, judgeMeshRanges},
		{"spec.traffic.inboundPortExclusionList", meshArray, []any{}, judgeMeshPorts},
		{"spec.traffic.inboundExternalAuthorization", meshMap, meshAuthorizationDefault(), judgeMeshAuthorization},
		{"spec.certificate.serviceCertValidityDuration", meshString, "24h", judgeMeshValidity},
		{"spec.certificate.certKeyBitSize", meshInteger, int64(2048), judgeMeshBits},
		{"spec.observability.enableDebugServer", meshBoolean, false, judgeMeshDebug},
		{"spec.observability.osmLogLevel", meshString, "info", judgeMeshLogLevel},
		{"spec.observability.tracing.enable", meshBoolean, false, judgeMeshTracing},
		{"spec.sidecar.enablePrivilegedInitContainer", meshBoolean, false, nil},
		{"spec.sidecar.logLevel", meshString, "error", judgeMeshEnvoyLevel},
		{"spec.sidecar.configResyncInterval", meshString, "0s", judgeMeshResync},
		{"spec.sidecar.resources", meshMap, map[string]any{}, judgeMeshResources},
		{"spec.featureFlags.enableWASMStats", meshBoolean, true, nil},
		{"spec.featureFlags.enableEgressPolicy", meshBoolean, true, judgeMeshRetired},
		{"spec.featureFlags.enableMulticlusterMode", meshBoolean, false, judgeMeshMulticluster},
		{"spec.featureFlags.enableSnapshotCacheMode", meshBoolean, false, nil},
		{"spec.featureFlags.enableAsyncProxyServiceMapping", meshBoolean, false, nil},
		{"spec.featureFlags.enableIngressBackendPolicy", meshBoolean, true, nil},
		{"spec.featureFlags.enableEnvoyActiveHealthChecks", meshBoolean, false, nil},
		{"spec.featureFlags.enableRetryPolicy", meshBoolean, false, nil},
	}
}

func meshAuthorizationDefault() map[string]any {
	return map[string]any{"enable": false, "failureModeAllow": false, "statPrefix": "inboundExtAuthz", "timeout": "1s"}
}

// meshType names the type of a value that was read from JSON.
func meshType(value any) string {
	switch number := value.(type) {
	case bool:
		return meshBoolean
	case string:
		return meshString
	case []any:
		return meshArray
	case map[string]any:
		return meshMap
	case int64, int:
		return meshInteger
	case float64:
		if number == float64(int64(number)) {
			return meshInteger
		}
	}
	return "number"
}

// meshNumber reads an integer that JSON may have made a float.
func meshNumber(value any) (int64, bool) {
	switch number := value.(type) {
	case int64:
		return number, true
	case int:
		return int64(number), true
	case float64:
		return int64(number), number == float64(int64(number))
	}
	return 0, false
}

// opens reports whether a value lets in whom another value might keep out: that is for a person to decide.
func (k meshKey) opens(value any) bool {
	switch k.path {
	case "spec.traffic.enablePermissiveTrafficPolicyMode":
		return value == true
	case "spec.traffic.inboundExternalAuthorization":
		return true
	}
	return false
}

// coerce returns what a value of the wrong type was meant to be, else the default.
func (k meshKey) coerce(value any) any {
	text, ok := value.(string)
	if !ok {
		return k.fallback
	}
	switch k.kind {
	case meshBoolean:
		if meant, err := strconv.ParseBool(strings.TrimSpace(text)); err == nil {
			return meant
		}
	case meshInteger:
		meant, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err == nil && (k.rule == nil || k.rule(&snapshot.Snapshot{}, meant) == nil) {
			return meant
		}
	}
	return k.fallback
}
