{{/* The text of the renderer with values in place of its words. The argument is a list of the text and of maps from word to value; words
that begin other words are in a later map. */}}
{{- define "corsgate.attachment" -}}
{{- $text := index . 0 -}}
{{- range $words := rest . }}
{{- range $word, $value := $words }}
{{- $text = replace $word $value $text }}
{{- end }}
{{- end }}
{{- if contains "sentinel" $text }}
{{- fail "an attachment has a word that no value stands for: this is a mistake of the chart" }}
{{- end }}
{{- $text }}
{{- end }}

{{- define "corsgate.envoyGatewayChecks" -}}
{{- $a := .Values.attach.envoyGateway -}}
{{- if not (and $a.gateway.namespace $a.gateway.name $a.gateway.listener) }}
{{- fail "attach.envoyGateway.gateway needs namespace, name and listener" }}
{{- end }}
{{- if and (eq $a.form "policies") (not (and $a.route.namespace $a.route.name $a.route.hosts $a.backend.name)) }}
{{- fail "attach.envoyGateway: the form policies needs route.namespace, route.name, route.hosts and backend.name" }}
{{- end }}
{{- if and (eq $a.form "patch") (not .Values.service.headless) }}
{{- fail "attach.envoyGateway: the form patch has Envoy find the pods by DNS: set service.headless, or one pod gets the calls of each connection" }}
{{- end }}
{{- if include "corsgate.caSource" .Values.tls.clients.ca }}
{{- fail "attach.envoyGateway presents no certificate of a client, which tls.clients.ca asks for: run corsgate render envoy-gateway" }}
{{- end }}
{{- $ca := ternary $a.caConfigMap $a.caFile (eq $a.form "policies") }}
{{- if and .Values.tls.insecure (or $a.caConfigMap $a.caFile) }}
{{- fail "attach.envoyGateway has authorities, and tls.insecure says plain text: remove one of the two" }}
{{- end }}
{{- if and (not .Values.tls.insecure) (not $ca) }}
{{- fail (printf "attach.envoyGateway.%s is empty: Envoy has to know the authorities of corsgate's certificate" (ternary "caConfigMap" "caFile" (eq $a.form "policies"))) }}
{{- end }}
{{- end }}

{{/* The object of a kind among those of a file. The argument is a list of the two. */}}
{{- define "corsgate.objectOf" -}}
{{- $found := list -}}
{{- range $object := splitList "\n---\n" (index . 1) }}
{{- if contains (printf "\nkind: %s\n" (index $ 0)) $object }}
{{- $found = append $found (trim $object) }}
{{- end }}
{{- end }}
{{- if ne (len $found) 1 }}
{{- fail (printf "an attachment has %d objects of the kind %s: this is a mistake of the chart" (len $found) (index . 0)) }}
{{- end }}
{{- first $found }}
{{- end }}

{{- define "corsgate.istioChecks" -}}
{{- $a := .Values.attach.istio -}}
{{- if not $a.namespace }}
{{- fail "attach.istio.namespace is empty: name the namespace of the proxies" }}
{{- end }}
{{- if eq (empty $a.gateway) (empty $a.workload) }}
{{- fail "attach.istio: the proxies are either those of a Gateway (gateway) or of pods with labels (workload): set exactly one of the two" }}
{{- end }}
{{- if and $a.gateway (eq $a.place "sidecar") }}
{{- fail "attach.istio.gateway is set, and sidecars are no gateways: say whose they are by workload" }}
{{- end }}
{{- if not .Values.tls.insecure }}
{{- fail "attach.istio: proxies speak the mesh's mutual TLS, or plain text, to corsgate: set tls.insecure, and mesh unless there is none" }}
{{- end }}
{{- if .Values.service.headless }}
{{- fail "attach.istio finds the pods by itself, and not those of a headless Service: remove service.headless" }}
{{- end }}
{{- end }}
