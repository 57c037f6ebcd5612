{{/*
What each agent may do: in namespace azure-arc, in the namespace of the release, and everywhere.
A create that comes from a server-side apply is authorised with its name, so it can be limited too.
*/}}

{{- define "rules.readIdentity" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [azure-identity-certificate]
  verbs: [list, watch]
{{- end }}

{{- define "rules.clusteridentityoperator.agents" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [azure-arc-connect-privatekey]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [azure-identity-certificate]
  verbs: [list, watch, create, patch]
{{- if and (include "arc.connect" .) (eq .Values.global.profile "standard") }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [kube-aad-proxy-certificate]
  verbs: [list, watch, create, patch]
{{- end }}
- apiGroups: [clusterconfig.azure.com]
  resources: [azureclusteridentityrequests, azureclusteridentityrequests/status]
  resourceNames: [cluster-identity-request]
  verbs: [create, patch]
- apiGroups: [clusterconfig.azure.com]
  resources: [arccertificates, arccertificates/status]
  resourceNames: [kube-aad-proxy]
  verbs: [create, patch]
{{- end }}
{{- define "rules.clusteridentityoperator.release" }}{{ end }}
{{- define "rules.clusteridentityoperator.cluster" }}{{ end }}

{{- define "rules.cluster-metadata-operator.agents" -}}
{{ include "rules.readIdentity" . }}
- apiGroups: [arc.azure.com]
  resources: [connectedclusters, connectedclusters/status]
  resourceNames: [clustermetadata]
  verbs: [create, patch]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [cluster-metadata-operator]
  verbs: [get, patch]
{{- end }}
{{- define "rules.cluster-metadata-operator.release" }}{{ end }}
{{- define "rules.cluster-metadata-operator.cluster" -}}
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [get]
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
- nonResourceURLs: [/version]
  verbs: [get]
{{- end }}

{{- define "rules.config-agent.agents" -}}
{{ include "rules.readIdentity" . }}
- apiGroups: [arc.azure.com]
  resources: [connectedclusters]
  resourceNames: [clustermetadata]
  verbs: [create, patch]
{{- if include "arc.extensions" . }}
- apiGroups: [clusterconfig.azure.com]
  resources: [extensionconfigs, fluxconfigs]
  verbs: [get, list, watch, create, patch, delete]
# Protected settings, and credentials for the registries of charts, are written, never read. A rule cannot hold the prefix of their names.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, patch, delete]
{{- end }}
{{- end }}
{{- define "rules.config-agent.release" }}{{ end }}
{{- define "rules.config-agent.cluster" }}{{ end }}

{{- define "rules.controller-manager.agents" -}}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [deployments]
  resourceNames: {{ include "arc.workloads" . | fromJson | keys | sortAlpha | toJson }}
  verbs: [get, create, patch]
{{- end }}
{{/* The names of Helm's Secrets carry the revision, and a rule cannot hold a pattern; the namespace holds nothing else. */}}
{{- define "rules.controller-manager.release" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
{{- end }}
{{- define "rules.controller-manager.cluster" }}{{ end }}

{{- define "rules.metrics-agent.agents" -}}
{{ include "rules.readIdentity" . }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end }}
{{- define "rules.metrics-agent.release" }}{{ end }}
{{- define "rules.metrics-agent.cluster" }}{{ end }}

{{/* The bridge has nothing to ask the API server for. In profile edge it shares the rights of the others. */}}
{{- define "rules.clusterconnect-agent.agents" }}{{ end }}
{{- define "rules.clusterconnect-agent.release" }}{{ end }}
{{- define "rules.clusterconnect-agent.cluster" }}{{ end }}

{{- define "rules.kube-aad-proxy.agents" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [cluster-connect-policy]
  verbs: [get, list, watch]
{{- end }}
{{- define "rules.kube-aad-proxy.release" }}{{ end }}
{{/* Names cannot be limited here, since those of callers are not known; the agent refuses all that begin with system:. */}}
{{- define "rules.kube-aad-proxy.cluster" -}}
- apiGroups: [""]
  resources: [users, groups]
  verbs: [impersonate]
- apiGroups: [authentication.k8s.io]
  resources: [userextras/oid]
  verbs: [impersonate]
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
{{- end }}

{{/* Charts make anything anywhere: extension-manager has cluster-admin, by a binding of its own in extensions.yaml. */}}
{{- define "rules.extension-manager.agents" }}{{ end }}
{{- define "rules.extension-manager.release" }}{{ end }}
{{- define "rules.extension-manager.cluster" }}{{ end }}

{{- define "rules.extension-events-collector.agents" -}}
{{ include "rules.readIdentity" . }}
- apiGroups: [clusterconfig.azure.com]
  resources: [extensionconfigs]
  verbs: [list, watch]
# The number that orders the events; the chart makes the object.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [extension-events-collector]
  verbs: [get, patch]
{{- end }}
{{- define "rules.extension-events-collector.release" }}{{ end }}
{{/* Extensions may be in any namespace. */}}
{{- define "rules.extension-events-collector.cluster" -}}
- apiGroups: [""]
  resources: [events, pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- end }}

{{/* What it may read of the controllers of Flux, the chart of microsoft.flux grants where it puts them. */}}
{{- define "rules.flux-logs-agent.agents" -}}
{{ include "rules.readIdentity" . }}
- apiGroups: [clusterconfig.azure.com]
  resources: [fluxconfigs]
  verbs: [list, watch]
{{- end }}
{{- define "rules.flux-logs-agent.release" }}{{ end }}
{{- define "rules.flux-logs-agent.cluster" }}{{ end }}

{{/* The rules of all agents of one pod for one place: dict "root" $ "agents" (list) "place" (string). */}}
{{- define "rules.of" -}}
{{- $root := .root }}{{ $place := .place -}}
{{- range .agents }}
{{- with include (printf "rules.%s.%s" . $place) $root | trim }}
{{ . }}
{{- end }}
{{- end }}
{{- end }}
