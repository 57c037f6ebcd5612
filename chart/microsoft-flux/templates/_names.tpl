{{/* Values come from --set and from JSON: true may be a text. */}}
{{- define "flux.true" -}}{{ if eq (toString . | lower) "true" }}yes{{ end }}{{- end }}

{{- define "flux.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/part-of: flux
app.kubernetes.io/instance: {{ .Release.Namespace }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
{{- end }}

{{/* The versions of the controllers, which came with their definitions. */}}
{{- define "flux.versions" -}}
{{ required "this chart was packed without the definitions of Flux: make build gets them" (.Files.Get "definitions/versions.yaml") }}
{{- end }}

{{/* The controllers that run: a map from each name to what is special about it. */}}
{{- define "flux.controllers" -}}
source-controller:
  args: ["--storage-path=/data", "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.{{ .Values.clusterDomain }}."]
  ports: {http: 9090}
  services: {source-controller: http}
  grace: 10
  data: true
  critical: true
  recreate: true
  ready: {path: /, port: http}
kustomize-controller:
  grace: 60
  critical: true
  tenants: ["--no-cross-namespace-refs=true", "--no-remote-bases=true", "--default-service-account=flux-applier"]
helm-controller:
  grace: 600
  critical: true
  tenants: ["--no-cross-namespace-refs=true", "--default-service-account=flux-applier"]
notification-controller:
  ports: {http: 9090, http-webhook: 9292}
  services: {notification-controller: http, webhook-receiver: http-webhook}
  grace: 10
  tenants: ["--no-cross-namespace-refs=true"]
image-automation-controller:
  grace: 10
  tenants: ["--no-cross-namespace-refs=true"]
image-reflector-controller:
  grace: 10
  data: true
  tenants: ["--no-cross-namespace-refs=true"]
{{- end }}

{{/* The namespace of the agents, and of the objects that the hub writes. */}}
{{- define "flux.agents.namespace" -}}
{{- if .Values.agents.namespace }}{{ .Values.agents.namespace }}
{{- else if lookup "apps/v1" "Deployment" "kube-system" "extension-agent" }}kube-system
{{- else }}azure-arc{{ end -}}
{{- end }}

{{/* The image of the agents: said, or the one of the hub that gave this chart. */}}
{{- define "flux.agents.image" -}}
{{- with .Values.agents.image }}
{{- $host := required "systemDefaultValues.image.repository: the registry that has the agents' image is missing; the hub gives it" (default $.Values.systemDefaultValues.image.repository .repository) -}}
{{- ternary .repository (printf "%s/azurearck8s/fairlead" $host) (not (empty .repository)) }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* The proxy: said, or that of the agents. A map of texts. */}}
{{- define "flux.proxy" -}}
{{- $found := dict -}}
{{- if include "flux.true" .Values.proxy.fromAgents -}}
{{- $secret := lookup "v1" "Secret" (include "flux.agents.namespace" .) "proxy-config" -}}
{{- range $key, $value := ($secret).data | default dict }}{{ $_ := set $found $key (b64dec $value) }}{{ end -}}
{{- end -}}
{{- with .Values.proxy.http }}{{ $_ := set $found "HTTP_PROXY" . }}{{ end -}}
{{- with .Values.proxy.https }}{{ $_ := set $found "HTTPS_PROXY" . }}{{ end -}}
{{- with .Values.proxy.noProxy }}{{ $_ := set $found "NO_PROXY" (toString .) }}{{ end -}}
{{- with .Values.trust.caBundle }}{{ $_ := set $found "PROXY_CERT" . }}{{ end -}}
{{- $found | toJson -}}
{{- end }}
