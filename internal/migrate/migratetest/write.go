package migratetest

import (
	"strconv"
	"strings"
)

func writeIstio(s *Sample) []byte {
	var origins []any
	for _, o := range s.Origins {
		origins = append(origins, m{o.Kind: o.Text})
	}
	cors := m{
		"allowOrigins": origins, "allowMethods": s.Methods, "allowHeaders": s.Headers, "exposeHeaders": s.Expose,
		"allowCredentials": s.Credentials, "maxAge": strconv.Itoa(s.MaxAge) + "s",
	}
	return document(m{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": m{"name": "api"},
		"spec": m{"hosts": []string{Host}, "http": []any{m{"corsPolicy": cors}}},
	})
}

func gatewayCORS(s *Sample) m {
	var origins []string
	for _, o := range s.Origins {
		origins = append(origins, o.Text)
	}
	return m{
		"allowOrigins": origins, "allowMethods": s.Methods, "allowHeaders": s.Headers, "exposeHeaders": s.Expose, "allowCredentials": s.Credentials,
	}
}

func route(filters ...any) m {
	return m{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": m{"name": "api"},
		"spec": m{"hostnames": []string{Host}, "rules": []any{m{"filters": filters}}},
	}
}

func writeSecurityPolicy(s *Sample) []byte {
	cors := gatewayCORS(s)
	cors["maxAge"] = strconv.Itoa(s.MaxAge) + "s"
	return document(m{"kind": "List", "items": []any{route(), m{
		"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "SecurityPolicy", "metadata": m{"name": "cors"},
		"spec": m{"targetRefs": []any{m{"kind": "HTTPRoute", "name": "api"}}, "cors": cors},
	}}})
}

func writeHTTPRoute(s *Sample) []byte {
	cors := gatewayCORS(s)
	if s.MaxAge > 0 {
		cors["maxAge"] = s.MaxAge
	}
	return document(route(m{"type": "CORS", "cors": cors}))
}

func writeIngress(s *Sample) []byte {
	var origins []string
	for _, o := range s.Origins {
		origins = append(origins, o.Text)
	}
	const prefix = "nginx.ingress.kubernetes.io/"
	notes := m{
		prefix + "enable-cors": "true", prefix + "cors-allow-origin": strings.Join(origins, ","),
		prefix + "cors-allow-credentials": strconv.FormatBool(s.Credentials),
	}
	for name, list := range map[string][]string{"cors-allow-methods": s.Methods, "cors-allow-headers": s.Headers, "cors-expose-headers": s.Expose} {
		if len(list) > 0 {
			notes[prefix+name] = strings.Join(list, ", ")
		}
	}
	return document(m{
		"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": m{"name": "api", "annotations": notes},
		"spec": m{"rules": []any{m{"host": Host, "http": m{"paths": []any{m{"path": "/", "pathType": "Prefix"}}}}}},
	})
}
