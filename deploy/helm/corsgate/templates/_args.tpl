{{/* The arguments of serve. A test parses them with the program's own flags. */}}
{{- define "corsgate.serveArgs" -}}
- serve
{{- if .Values.redis.url }}
{{- include "corsgate.redisArgs" . }}
{{- include "corsgate.mirrorArgs" . }}
{{- else }}
- --tenants=/etc/corsgate/tenants
{{- end }}
- --listen=:9002
{{- if .Values.tls.insecure }}
- --insecure-listen
{{- else }}
- --tls-cert=/etc/corsgate/tls/tls.crt
- --tls-key=/etc/corsgate/tls/tls.key
{{- if include "corsgate.caSource" .Values.tls.clients.ca }}
- --tls-client-ca=/etc/corsgate/tls/clients.crt
{{- end }}
{{- range .Values.tls.clients.sans }}
- {{ printf "--tls-client-san=%s" . | quote }}
{{- end }}
{{- end }}
- --admin-listen=:9003
- --insecure-admin-listen
{{- if .Values.rum.enabled }}
- --rum-listen=:9004
- --insecure-rum-listen
- --rum-trusted-hops={{ .Values.rum.trustedHops }}
{{- range .Values.rum.keys }}
- {{ printf "--rum-key=%s" . | quote }}
{{- end }}
{{- end }}
- --drain-delay={{ .Values.drain.delaySeconds }}s
- --stop-timeout={{ .Values.drain.stopTimeoutSeconds }}s
{{- range $key, $value := .Values.settings }}
{{- range $one := ternary $value (list $value) (kindIs "slice" $value) }}
{{- /* toJson, because %v writes a million as 1e+06. */}}
- {{ printf "--%s=%s" ($key | replace "_" "-") (kindIs "string" $one | ternary $one (toJson $one)) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* How to reach Redis: for serve and for probe. */}}
{{- define "corsgate.redisArgs" -}}
{{- $r := .Values.redis }}
- {{ printf "--redis=%s" $r.url | quote }}
{{- with $r.sentinelMaster }}
- {{ printf "--redis-sentinel-master=%s" . | quote }}
{{- end }}
{{- if $r.cluster }}
- --redis-cluster
{{- end }}
{{- with $r.username }}
- {{ printf "--redis-username=%s" . | quote }}
{{- end }}
{{- if $r.passwordSecret.name }}
- --redis-password-file=/etc/corsgate/redis/password
{{- end }}
{{- with $r.sentinelUsername }}
- {{ printf "--redis-sentinel-username=%s" . | quote }}
{{- end }}
{{- if $r.sentinelPasswordSecret.name }}
- --redis-sentinel-password-file=/etc/corsgate/redis/sentinel-password
{{- end }}
{{- if include "corsgate.caSource" $r.tls.ca }}
- --redis-ca-file=/etc/corsgate/redis/ca.crt
{{- end }}
{{- if $r.tls.clientSecret }}
- --redis-cert-file=/etc/corsgate/redis/tls.crt
- --redis-key-file=/etc/corsgate/redis/tls.key
{{- end }}
{{- with $r.prefix }}
- {{ printf "--redis-prefix=%s" . | quote }}
{{- end }}
{{- end }}

{{/* How the copy of Redis is kept: for serve. */}}
{{- define "corsgate.mirrorArgs" -}}
{{- $r := .Values.redis }}
{{- if $r.stateDir.enabled }}
- --state-dir=/var/lib/corsgate
{{- end }}
{{- if include "corsgate.baselineConfigMap" . }}
- --baseline=/etc/corsgate/baseline
{{- end }}
{{- if $r.recordUsage.enabled }}
- --record-usage
{{- with $r.recordUsage.username }}
- {{ printf "--usage-redis-username=%s" . | quote }}
- --usage-redis-password-file=/etc/corsgate/redis/usage-password
{{- end }}
{{- end }}
{{- end }}
