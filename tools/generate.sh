#!/bin/sh
# Writes every generated file of the project below a directory: "." for the
# files themselves, another one to compare with.
# usage: tools/generate.sh BUF DIRECTORY
set -eu

buf=$1
out=$2

# buf writes each output below its own "out" of buf.gen.yaml, here under $out.
"$buf" generate --output "$out"

# The list of all metrics.
mkdir -p "$out/docs"
go run ./internal/telemetry/page >"$out/docs/metrics.md"

# What compose starts Envoy with.
mkdir -p "$out/deploy/compose"
go run ./cmd/corsgate render envoy --design c --output "$out/deploy/compose/envoy.yaml" \
	--envoy-listen 0.0.0.0:10000 --envoy-admin= --processor corsgate:9002 --upstream app:8080
# The same with its profile "monitoring".
go run ./cmd/corsgate render envoy --design c --output "$out/deploy/compose/envoy-monitoring.yaml" \
	--envoy-listen 0.0.0.0:10000 --processor corsgate:9002 --upstream app:8080 --tracing otel-collector:4317

# What attaches corsgate to an Envoy Gateway.
mkdir -p "$out/deploy/envoy-gateway"
go run ./cmd/corsgate render envoy-gateway --form policies --output "$out/deploy/envoy-gateway/policies.yaml"
go run ./cmd/corsgate render envoy-gateway --form patch --output "$out/deploy/envoy-gateway/patch.yaml"

# What attaches to Istio.
mkdir -p "$out/deploy/istio"
istio() { # name flag...
	name=$1
	shift
	go run ./cmd/corsgate render istio --output "$out/deploy/istio/$name.yaml" "$@"
}
istio gateway --workload istio=ingressgateway
istio gateway-a --design a --workload istio=ingressgateway
istio gateway-api --namespace edge --gateway public
istio sidecar --namespace shop --place sidecar --workload app=shop --mesh --selector app.kubernetes.io/name=corsgate

# What Grafana shows.
go run ./deploy/monitoring/dashboards/generate "$out/deploy/monitoring/grafana/dashboards"

# What the chart has of them: helm reads only files below the chart.
chart=$out/deploy/helm/corsgate/files
mkdir -p "$chart/rules" "$chart/dashboards"
cp deploy/monitoring/prometheus/rules/*.yaml "$chart/rules"
cp "$out"/deploy/monitoring/grafana/dashboards/*.json "$chart/dashboards"

# What attaches corsgate, for the chart: its templates put values in place of these words.
chart=$out/deploy/helm/corsgate/files/attach
mkdir -p "$chart"
attach() { # file flag...
	file=$chart/$1.yaml
	shift
	go run ./cmd/corsgate render "$@" --processor-service value-of-release-ns/value-of-service:9002 --output "$file"
}
policies="--form policies --gateway value-of-gateway-ns/value-of-gateway --listener value-of-listener --route value-of-route-ns/value-of-route
	--host value-of-host.example --backend value-of-backend:65535"
patch="--form patch --gateway value-of-gateway-ns/value-of-gateway --listener value-of-listener"
proxies="--name value-of-service --namespace value-of-proxies-ns --cluster-domain value-of.domain"
# shellcheck disable=SC2086 # these are several words
{
	attach envoy-gateway-policies envoy-gateway $policies
	attach envoy-gateway-policies-tls envoy-gateway $policies --processor-ca-configmap value-of-ca --processor-san value-of-san.example
	attach envoy-gateway-patch envoy-gateway $patch
	attach envoy-gateway-patch-tls envoy-gateway $patch --processor-ca /value-of-ca --processor-san value-of-san.example
	attach istio-gateway istio $proxies --workload value-of-key=value-of-value
	attach istio-gateway-api istio $proxies --gateway value-of-gateway
	attach istio-sidecar istio $proxies --place sidecar --workload value-of-key=value-of-value
	attach istio-mesh istio $proxies --workload value-of-key=value-of-value --mesh --selector value-of-label=value-of-component
}
