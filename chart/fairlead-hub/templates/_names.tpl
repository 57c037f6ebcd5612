{{- define "fairlead-hub.labels" -}}
app.kubernetes.io/name: fairlead-hub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "fairlead-hub.selector" -}}
app.kubernetes.io/name: fairlead-hub
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- /* The hub makes a folder of its own below the volume's root, which belongs to root: one that no other user may read. */}}
{{- define "fairlead-hub.config" -}}
{{- $own := dict "url" .Values.url "listen" ":8443" "data" "/data/hub" "locations" .Values.locations "logLevel" .Values.logLevel "logFormat" "json" "adminCredentialFile" "/data/hub/administrator.json" }}
{{- if .Values.traces }}{{ $_ := set $own "traces" .Values.traces }}{{ end }}
{{- if .Values.tls.secretName }}{{ $_ := set $own "tlsCert" "/tls/tls.crt" }}{{ $_ := set $own "tlsKey" "/tls/tls.key" }}{{ end }}
{{- mergeOverwrite $own .Values.config | toYaml }}
{{- end }}
