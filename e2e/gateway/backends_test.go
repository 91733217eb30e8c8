package gateway_test

const backendGroup = "gateway.envoyproxy.io"

// withBackends has everything ask Backends in place of Services, which Envoy Gateway does not take
// from files. They live in the namespace of the routes, since no grant of the file is found for a
// Backend. That is all that differs from what is rendered.
func withBackends(services []document) []document {
	var out []document
	for _, d := range services {
		if d["kind"] == "Service" {
			d = backendOf(d)
		}
		toBackends(map[string]any(d))
		out = append(out, d)
	}
	return out
}

func backendOf(service document) document {
	spec := service["spec"].(object)
	port := spec["ports"].([]any)[0].(object)
	to := object{"endpoints": []any{object{"ip": object{"address": spec["clusterIP"], "port": port["port"]}}}}
	if port["appProtocol"] != nil {
		to["appProtocols"] = []any{"gateway.envoyproxy.io/h2c"}
	}
	return document{"apiVersion": backendGroup + "/v1alpha1", "kind": "Backend", "metadata": object{"namespace": "default", "name": service["metadata"].(object)["name"]}, "spec": to}
}

// toBackends turns every reference to a Service in v.
func toBackends(v any) {
	switch v := v.(type) {
	case object:
		for _, ref := range list(v["backendRefs"]) {
			ref["group"], ref["kind"] = backendGroup, "Backend"
			delete(ref, "port")
			delete(ref, "namespace")
		}
		for _, inner := range v {
			toBackends(inner)
		}
	case []any:
		for _, inner := range v {
			toBackends(inner)
		}
	}
}
