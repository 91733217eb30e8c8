{{- define "corsgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for what is put behind it, in names of at most 63 characters (52 of a CronJob). */}}
{{- define "corsgate.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "corsgate.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "corsgate.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "corsgate.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "corsgate.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What a selector may name: it can never be changed. The argument is a list of the root and the component. */}}
{{- define "corsgate.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "corsgate.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "corsgate.labels" -}}
{{- $root := index . 0 -}}
{{ include "corsgate.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "corsgate.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{/* The ConfigMap of the tenants, or none. */}}
{{- define "corsgate.tenantsConfigMap" -}}
{{- if .Values.tenants.documents }}
{{- include "corsgate.fullname" . }}-tenants
{{- else }}
{{- .Values.tenants.existingConfigMap }}
{{- end }}
{{- end }}

{{- define "corsgate.baselineConfigMap" -}}
{{- if .Values.redis.baseline.documents }}
{{- include "corsgate.fullname" . }}-baseline
{{- else }}
{{- .Values.redis.baseline.existingConfigMap }}
{{- end }}
{{- end }}

{{/* The Secret with the server's certificate, or none in plain text. */}}
{{- define "corsgate.tlsSecret" -}}
{{- if .Values.tls.certManager.enabled }}
{{- include "corsgate.fullname" . }}-tls
{{- else }}
{{- .Values.tls.existingSecret }}
{{- end }}
{{- end }}

