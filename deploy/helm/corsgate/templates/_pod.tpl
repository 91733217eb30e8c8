{{/* Not empty when there is something to mount. The argument is a list of the root and of whether usage is recorded. */}}
{{- define "corsgate.hasRedisSecrets" -}}
{{- $r := (index . 0).Values.redis }}
{{- $usage := and (index . 1) $r.recordUsage.enabled $r.recordUsage.passwordSecret.name }}
{{- if and $r.url (or $r.passwordSecret.name $r.sentinelPasswordSecret.name $usage $r.tls.clientSecret (include "corsgate.caSource" $r.tls.ca)) }}true{{- end }}
{{- end }}

{{/* All that Redis needs, in one directory. The argument is a list of the root and of whether usage is recorded. */}}
{{- define "corsgate.redisVolume" -}}
{{- $r := (index . 0).Values.redis -}}
- name: redis
  projected:
    defaultMode: 0440
    sources:
    {{- if $r.passwordSecret.name }}
    {{- include "corsgate.secretItem" (list $r.passwordSecret "password") | nindent 4 }}
    {{- end }}
    {{- if $r.sentinelPasswordSecret.name }}
    {{- include "corsgate.secretItem" (list $r.sentinelPasswordSecret "sentinel-password") | nindent 4 }}
    {{- end }}
    {{- if and (index . 1) $r.recordUsage.enabled $r.recordUsage.passwordSecret.name }}
    {{- include "corsgate.secretItem" (list $r.recordUsage.passwordSecret "usage-password") | nindent 4 }}
    {{- end }}
    {{- with $r.tls.clientSecret }}
    - secret:
        name: {{ . }}
        items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]
    {{- end }}
    {{- if include "corsgate.caSource" $r.tls.ca }}
    {{- include "corsgate.caItem" (list $r.tls.ca "ca.crt") | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "corsgate.secretItem" -}}
- secret:
    name: {{ (index . 0).name }}
    items: [{key: {{ (index . 0).key | quote }}, path: {{ index . 1 }}}]
{{- end }}

{{- define "corsgate.caItem" -}}
{{- $ca := index . 0 -}}
- {{ ternary "secret" "configMap" (not (empty $ca.secret)) }}:
    name: {{ or $ca.secret $ca.configMap }}
    items: [{key: {{ $ca.key | quote }}, path: {{ index . 1 }}}]
{{- end }}

{{/* The file of a ConfigMap of documents. */}}
{{- define "corsgate.documents" -}}
{{- range $name, $document := . }}
{{ $name }}: |
  {{- (ternary $document (toYaml $document) (kindIs "string" $document)) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "corsgate.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "corsgate.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "corsgate.resources" -}}
requests: {cpu: {{ .cpu | quote }}, memory: {{ .memory | quote }}}
limits: { {{- with .cpuLimit }}cpu: {{ . | quote }}, {{ end }}memory: {{ .memory | quote }}}
{{- end }}
