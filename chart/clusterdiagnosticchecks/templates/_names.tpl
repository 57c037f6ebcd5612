{{- define "precheck.name" -}}cluster-diagnostic-checks{{- end }}

{{- define "precheck.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/part-of: azure-arc
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
{{- end }}

{{/* The definitions that the agents' chart brings, which must not be another's. */}}
{{- define "precheck.definitions" -}}
{{- list "connectedclusters.arc.azure.com" "azureclusteridentityrequests.clusterconfig.azure.com" "arccertificates.clusterconfig.azure.com" "extensionconfigs.clusterconfig.azure.com" "fluxconfigs.clusterconfig.azure.com" | toJson -}}
{{- end }}
