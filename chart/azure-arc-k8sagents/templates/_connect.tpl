{{/* Which files of Secrets a pod of cluster connect is given, by the name of its Deployment; and where charts are kept. */}}
{{- define "arc.mounts" -}}
{{- if has . (list "clusterconnect-agent" "kube-aad-proxy") }}
- {name: certificate, mountPath: /etc/kube-aad-proxy, readOnly: true}
{{- end }}
{{- if eq . "clusterconnect-agent" }}
- {name: identity, mountPath: /etc/azure-identity, readOnly: true}
{{- end }}
{{- if has . (list "extension-manager" "edge-agent" "extension-operator") }}
- {name: charts, mountPath: /var/cache/charts}
{{- end }}
{{- end }}

{{- define "arc.volumes" -}}
{{- if has . (list "clusterconnect-agent" "kube-aad-proxy") }}
{{- $end := ternary "tls" "client" (eq . "kube-aad-proxy") }}
- name: certificate
  secret:
    secretName: kube-aad-proxy-certificate
    defaultMode: 0440
    items:
      {{- range list "ca.crt" "hub-ca.crt" (printf "%s.crt" $end) (printf "%s.key" $end) }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- end }}
{{- if eq . "clusterconnect-agent" }}
- name: identity
  secret:
    secretName: azure-identity-certificate
    defaultMode: 0440
{{- end }}
{{- if has . (list "extension-manager" "edge-agent" "extension-operator") }}
- name: charts
  emptyDir: {sizeLimit: 192Mi}
{{- end }}
{{- end }}
