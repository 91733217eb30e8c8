{{/* What the schema cannot say, or not in words that help. Included once, by the Deployment. */}}
{{- define "corsgate.checks" -}}
{{- $v := .Values -}}
{{- if not $v.image.repository }}
{{- fail "image.repository is empty: name the image that you built from the Dockerfile, registry.example/corsgate" }}
{{- end }}
{{- include "corsgate.oneOf" (list "the tenants are" (dict
  "tenants.documents" $v.tenants.documents
  "tenants.existingConfigMap" $v.tenants.existingConfigMap
  "redis.url" $v.redis.url)) }}
{{- include "corsgate.oneOf" (list "the gRPC port is secured by" (dict
  "tls.existingSecret" $v.tls.existingSecret
  "tls.certManager.enabled" $v.tls.certManager.enabled
  "tls.insecure" $v.tls.insecure)) }}
{{- include "corsgate.redisChecks" . }}
{{- if and $v.tls.certManager.enabled (not $v.tls.certManager.issuerRef.name) }}
{{- fail "tls.certManager.issuerRef.name is empty: name the Issuer or ClusterIssuer" }}
{{- end }}
{{- if and $v.tls.insecure (include "corsgate.caSource" $v.tls.clients.ca) }}
{{- fail "tls.clients.ca is set, and tls.insecure: certificates of clients need a certificate of the server" }}
{{- end }}
{{- if and $v.tls.clients.sans (not (include "corsgate.caSource" $v.tls.clients.ca)) }}
{{- fail "tls.clients.sans is set, but not tls.clients.ca: names are checked only when certificates are" }}
{{- end }}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas" }}
{{- end }}
{{- if $v.networkPolicy.enabled }}
{{- include "corsgate.networkChecks" . }}
{{- end }}
{{- if and $v.probe.enabled (not $v.probe.suite.targets) }}
{{- fail "probe.suite.targets is empty: name what is to be asked, [{name: orders, url: \"https://api.acme.example/v1/orders/7\"}]" }}
{{- end }}
{{- range $v.prometheusRule.without }}
{{- if not ($.Files.Get (printf "files/rules/%s.yaml" .)) }}
{{- fail (printf "prometheusRule.without: there is no file %s.yaml in deploy/monitoring/prometheus/rules" .) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "corsgate.redisChecks" -}}
{{- $r := .Values.redis -}}
{{- if $r.url }}
{{- if contains "@" $r.url }}
{{- fail "redis.url has a login: name the user by redis.username and the Secret with the password by redis.passwordSecret" }}
{{- end }}
{{- $tls := or (include "corsgate.caSource" $r.tls.ca) $r.tls.clientSecret }}
{{- if and $tls (not (hasPrefix "rediss://" $r.url)) }}
{{- fail "redis.tls is set, but the connection has no TLS: write rediss:// in redis.url" }}
{{- end }}
{{- if and $r.username (not $r.passwordSecret.name) }}
{{- fail "redis.username is set, but not redis.passwordSecret.name" }}
{{- end }}
{{- if and (or $r.sentinelUsername $r.sentinelPasswordSecret.name) (not $r.sentinelMaster) }}
{{- fail "a login for Sentinels is set, but not redis.sentinelMaster" }}
{{- end }}
{{- if and $r.sentinelUsername (not $r.sentinelPasswordSecret.name) }}
{{- fail "redis.sentinelUsername is set, but not redis.sentinelPasswordSecret.name" }}
{{- end }}
{{- if and $r.cluster $r.sentinelMaster }}
{{- fail "redis.cluster and redis.sentinelMaster are set: the hosts are either nodes of a cluster or Sentinels" }}
{{- end }}
{{- if and $r.recordUsage.enabled (ne (empty $r.recordUsage.username) (empty $r.recordUsage.passwordSecret.name)) }}
{{- fail "redis.recordUsage: username and passwordSecret.name belong together; without both it is done as the user that reads" }}
{{- end }}
{{- else }}
{{- range $key := list "lazy" "max_tenants" "ttl" "max_stale" "resync" "lookup_budget" "require_policies" }}
{{- if hasKey $.Values.settings $key }}
{{- fail (printf "settings.%s counts only with redis.url" $key) }}
{{- end }}
{{- end }}
{{- if or $r.baseline.documents $r.baseline.existingConfigMap $r.recordUsage.enabled }}
{{- fail "redis.baseline and redis.recordUsage count only with redis.url" }}
{{- end }}
{{- end }}
{{- if and $r.baseline.documents $r.baseline.existingConfigMap }}
{{- fail "redis.baseline has documents and an existingConfigMap: remove one of the two" }}
{{- end }}
{{- end }}

{{- define "corsgate.networkChecks" -}}
{{- $n := .Values.networkPolicy -}}
{{- if not $n.envoy }}
{{- fail "networkPolicy.envoy is empty: name the peers that may ask, [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: envoy-gateway-system}}}]" }}
{{- end }}
{{- if and .Values.redis.url (not $n.redis.peers) }}
{{- fail "networkPolicy.redis.peers is empty: name where Redis is, or the tenants can never be read" }}
{{- end }}
{{- if and .Values.otlp.endpoint (not $n.otlp.peers) }}
{{- fail "networkPolicy.otlp.peers is empty: name where the collector of otlp.endpoint is" }}
{{- end }}
{{- end }}

{{/* Fails unless exactly one of the values is set. The argument is a list of what it is about, and of name to value. */}}
{{- define "corsgate.oneOf" -}}
{{- $names := keys (index . 1) | sortAlpha -}}
{{- $set := list -}}
{{- range $name := $names }}
{{- if index (index $ 1) $name }}{{- $set = append $set $name }}{{- end }}
{{- end }}
{{- if ne (len $set) 1 }}
{{- $found := "none is" -}}
{{- if $set }}{{- $found = printf "%s are" (join " and " $set) }}{{- end }}
{{- fail (printf "%s exactly one of %s: %s set" (index . 0) (join ", " $names) $found) }}
{{- end }}
{{- end }}

{{/* Not empty when a CA is named; fails when it is in two places. */}}
{{- define "corsgate.caSource" -}}
{{- if and .secret .configMap }}
{{- fail (printf "a CA is in the Secret %s and in the ConfigMap %s: remove one of the two" .secret .configMap) }}
{{- end }}
{{- if or .secret .configMap }}true{{- end }}
{{- end }}
