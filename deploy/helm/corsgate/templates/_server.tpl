{{/* Variables of the server: where telemetry is pushed to, and as whom. */}}
{{- define "corsgate.env" -}}
{{- with .Values.otlp }}
{{- if .endpoint }}
- name: K8S_POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: K8S_NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ printf "k8s.namespace.name=%s,k8s.pod.name=$(K8S_POD_NAME),k8s.node.name=$(K8S_NODE_NAME)" $.Release.Namespace | quote }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_EXPORTER_OTLP_PROTOCOL
  value: {{ .protocol | quote }}
{{- if not .metrics }}
- name: OTEL_METRICS_EXPORTER
  value: none
{{- end }}
{{- with .headersSecret }}
{{- if .name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .key | quote }}}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "corsgate.mounts" -}}
{{- if not .Values.redis.url }}
- {name: tenants, mountPath: /etc/corsgate/tenants, readOnly: true}
{{- end }}
{{- if include "corsgate.hasRedisSecrets" (list . true) }}
- {name: redis, mountPath: /etc/corsgate/redis, readOnly: true}
{{- end }}
{{- if and .Values.redis.url .Values.redis.stateDir.enabled }}
- {name: state, mountPath: /var/lib/corsgate}
{{- end }}
{{- if include "corsgate.baselineConfigMap" . }}
- {name: baseline, mountPath: /etc/corsgate/baseline, readOnly: true}
{{- end }}
{{- if not .Values.tls.insecure }}
- {name: tls, mountPath: /etc/corsgate/tls, readOnly: true}
{{- end }}
{{- end }}

{{/* Directories, never single files of them: only a directory follows a change. */}}
{{- define "corsgate.volumes" -}}
{{- if not .Values.redis.url }}
- name: tenants
  configMap: {name: {{ include "corsgate.tenantsConfigMap" . }}}
{{- end }}
{{- if include "corsgate.hasRedisSecrets" (list . true) }}
{{ include "corsgate.redisVolume" (list . true) }}
{{- end }}
{{- if and .Values.redis.url .Values.redis.stateDir.enabled }}
- name: state
  emptyDir: {sizeLimit: {{ .Values.redis.stateDir.sizeLimit }}}
{{- end }}
{{- with include "corsgate.baselineConfigMap" . }}
- name: baseline
  configMap: {name: {{ . }}}
{{- end }}
{{- if not .Values.tls.insecure }}
- name: tls
  projected:
    defaultMode: 0440
    sources:
    - secret:
        name: {{ include "corsgate.tlsSecret" . }}
        items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]
    {{- if include "corsgate.caSource" .Values.tls.clients.ca }}
    {{- include "corsgate.caItem" (list .Values.tls.clients.ca "clients.crt") | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}
