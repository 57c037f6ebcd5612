{{/* On clusters of the AKS kind the agents run in two pods of kube-system. */}}
{{- define "arc.managed" -}}{{ if eq (toString .Values.global.clusterType | lower) "managedclusters" }}yes{{ end }}{{- end }}
{{- define "arc.namespace" -}}{{ if include "arc.managed" . }}kube-system{{ else }}azure-arc{{ end }}{{- end }}

{{- define "arc.version" -}}{{ .Values.systemDefaultValues.image.tag | default .Chart.Version }}{{- end }}

{{- define "arc.image" -}}
{{ required "systemDefaultValues.image.repository: the registry to pull from is missing" .Values.systemDefaultValues.image.repository }}/azurearck8s/fairlead:{{ include "arc.version" . }}
{{- end }}

{{/* Which pods there are: a map from the name of a Deployment to the agents that run in it. */}}
{{- define "arc.workloads" -}}
{{- $agents := list "clusteridentityoperator" "cluster-metadata-operator" "config-agent" "controller-manager" "metrics-agent" -}}
{{- if include "arc.connect" . }}{{ $agents = concat $agents (list "clusterconnect-agent" "kube-aad-proxy") }}{{ end -}}
{{- if include "arc.extensions" . }}{{ $agents = concat $agents (list "extension-manager" "extension-events-collector" "flux-logs-agent") }}{{ end -}}
{{- if include "arc.managed" . -}}
{{- $workloads := dict "extension-agent" (list "clusteridentityoperator" "cluster-metadata-operator" "config-agent") -}}
{{- if include "arc.extensions" . }}{{ $_ := set $workloads "extension-operator" (list "extension-manager" "extension-events-collector" "flux-logs-agent") }}{{ end -}}
{{- $workloads | toJson -}}
{{- else if eq .Values.global.profile "edge" -}}
{{- dict "edge-agent" $agents | toJson -}}
{{- else if eq .Values.global.profile "standard" -}}
{{- $workloads := dict -}}
{{- range $agents }}{{ $_ := set $workloads . (list .) }}{{ end -}}
{{- $workloads | toJson -}}
{{- else -}}
{{- fail (printf "global.profile: %q is neither standard nor edge" .Values.global.profile) -}}
{{- end -}}
{{- end }}

{{/* Whether people reach the cluster through the hub, and whether the hub's roles say what they may do in it. */}}
{{- define "arc.connect" -}}{{ if and (not (include "arc.managed" .)) (eq (toString (index .Values.systemDefaultValues "clusterconnect-agent").enabled | lower) "true") }}yes{{ end }}{{- end }}
{{/* Whether the hub may install charts in the cluster. */}}
{{- define "arc.extensions" -}}{{ if eq (toString .Values.systemDefaultValues.extensions.enabled | lower) "true" }}yes{{ end }}{{- end }}
{{- define "arc.azureRBAC" -}}{{ if and (include "arc.connect" .) (eq (toString .Values.systemDefaultValues.guard.enabled | lower) "true") }}yes{{ end }}{{- end }}

{{- define "arc.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/part-of: azure-arc
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
{{- end }}

{{/* Clients that cannot say "no value" say "auto", or, az where it recognises nothing, "None". */}}
{{- define "arc.said" -}}{{ if not (has (toString . | lower) (list "auto" "none")) }}{{ . }}{{ end }}{{- end }}

{{- define "arc.hubCA" -}}
{{- with .Values.global.hubCA }}{{ if contains "-----BEGIN" . }}{{ . }}{{ else }}{{ b64dec . }}{{ end }}{{ end -}}
{{- end }}

{{- define "arc.proxied" -}}
{{- $g := .Values.global -}}
{{- if and (ne (toString $g.isProxyEnabled | lower) "false") (or $g.httpProxy $g.httpsProxy $g.proxyCert) }}yes{{ end -}}
{{- end }}
